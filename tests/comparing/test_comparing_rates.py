"""Verdicts on made-up studies of known truth: a winner is named as often as is claimed."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, replace

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial
from scipy import stats

from vrtune import Task
from vrtune.comparing.evidence import differences
from vrtune.comparing.rates import found_rate, needed
from vrtune.comparing.tuned import Tuned, read_tuned
from vrtune.comparing.verdict import Verdict, verdicts
from vrtune.studies.choice import ATTRIBUTE as CONFIRMED
from vrtune.studies.choice import Confirmed
from vrtune.studies.record import RECORD, StudyRecord
from vrtune.studies.retrained import ATTRIBUTE as RETRAINED
from vrtune.studies.retrained import Retrained, spread

LR = {"lr": FloatDistribution(0.001, 1.0, log=True)}
LOSS, ACCURACY = 0.01, 0.001  # a standard deviation of the paired differences
REPEATS = 2


@dataclass(frozen=True)
class Truth:
    """Methods that are equal but for the first; fold differences correlated by `correlation`, and
    fresh starts with some share in their variance."""

    methods: int
    folds: int
    seeds: int
    better: float = 0.0  # the first, in standard deviations of the paired differences
    correlation: float = 0.0
    starts: float = 0.2

    def studies(self, generator: np.random.Generator) -> list[Tuned]:
        """One study of each, as vrtune writes them."""
        return [
            self._study(f"m{i}", self.better * (i == 0), generator) for i in range(self.methods)
        ]

    def _study(self, name: str, lead: float, generator: np.random.Generator) -> Tuned:
        shared = self.correlation / (1 - self.correlation) / 2  # of all folds of a method
        own = (1 - self.starts) / 2
        folds = math.sqrt(own) * generator.normal(size=self.folds) - lead
        folds += math.sqrt(shared) * generator.normal()
        luck = self.starts / 2 * REPEATS  # of one start: a fold's loss is the mean of several
        starts = math.sqrt(luck) * generator.normal(size=(REPEATS + 1, self.folds))
        losses = (1 + LOSS * (folds + starts)).tolist()
        seeds = math.sqrt(0.5) * generator.normal(size=self.seeds) + lead
        return read_tuned(self._written(name, losses, (0.9 + ACCURACY * seeds).tolist()))

    def _written(
        self, name: str, losses: list[list[float]], accuracies: list[float]
    ) -> optuna.Study:
        """What the search saw comes first among the losses."""
        seen, *again = losses
        study = optuna.create_study(study_name=name)
        given = {"task": Task(folds=self.folds), "space": name, "fingerprint": "0" * 16}
        record = StudyRecord.model_validate(given | {"data_dir": "d", "version": "0"})
        study.set_user_attr(RECORD, record.model_dump(mode="json"))
        mean = statistics.fmean(seen)
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE,
                value=mean,
                params={"lr": 0.1},
                distributions=LR,
                user_attrs={"config": {}, "fold_values": seen, "gradient_computations": 12.0},
                system_attrs={"folds:2": seen},
                intermediate_values={2: mean},
            )
        )
        confirmed = Confirmed(
            trial=0,
            losses=list(again),
            accuracies=[],
            trainings=self.folds * (REPEATS + 1),
            gradient_computations=1.0,
            mean=mean,
        )
        retrained = Retrained(
            trial=0,
            seeds=self.seeds,
            test_accuracy=spread(accuracies),
            test_loss=spread([0.1]),
            train_losses=[],
            gradient_computations=1.0,
        )
        study.set_user_attr(CONFIRMED.format(0), confirmed.model_dump(mode="json"))
        study.set_user_attr(RETRAINED.format(0), retrained.model_dump(mode="json"))
        return study


def measured(truth: Truth, times: int, seed: int = 0) -> dict[str, list[Verdict]]:
    """The verdicts by fold and by seed on so many made-up comparisons."""
    generator = np.random.default_rng(seed)
    out: dict[str, list[Verdict]] = {"folds": [], "seeds": []}
    for _ in range(times):
        studies = truth.studies(generator)
        for verdict in verdicts(studies, differences(studies)):
            if verdict.kind in out:
                out[verdict.kind].append(verdict)
    return out


def claimed(truth: Truth, kind: str) -> float:
    """How often the first is found, by what the verdict says of itself."""
    if kind == "seeds":
        return found_rate(truth.methods, truth.seeds)
    return found_rate(truth.methods, truth.folds, 1 / truth.folds)


def interval(rate: float, times: int) -> tuple[float, float]:
    """In which 99 % of counts lie."""
    low, high = stats.binom.interval(0.99, times, rate)
    return float(low), float(high)


CASES = [
    Truth(methods=2, folds=4, seeds=3),
    Truth(methods=5, folds=10, seeds=5),
    Truth(methods=2, folds=4, seeds=3, starts=0.0),
    Truth(methods=2, folds=4, seeds=3, better=2.0),
    Truth(methods=5, folds=10, seeds=5, better=2.0),
]

NAMES = ["two equal", "five equal", "starts say nothing", "one of two better", "one of five better"]


@pytest.mark.slow
@pytest.mark.parametrize("correlated", [True, False], ids=["correlated", "uncorrelated"])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_winners_are_named_as_often_as_is_claimed(case: Truth, correlated: bool) -> None:
    """200 comparisons of each; 99 % binomial intervals. Among equals at most in 5 %. A method that
    is 2 sd better at the rate that is claimed. That rate takes folds as correlated; of folds that
    are not, it is no promise for few of them, and less than what is found for many."""
    truth = replace(case, correlation=correlated / case.folds)
    times = 200
    for kind, said in measured(truth, times).items():
        won = [verdict.winner for verdict in said if verdict.winner]
        assert len(said) == times
        if not truth.better:
            assert len(won) <= interval(0.05, times)[1]
            continue
        low, high = interval(claimed(truth, kind), times)
        assert set(won) <= {"m0"}
        if kind == "seeds" or correlated:
            assert low <= len(won) <= high
        else:
            assert len(won) >= low


def test_a_winner_is_named_where_one_is_far_better_and_none_among_equals() -> None:
    """The quick sister of the slow test: 40 comparisons each, the same ones every time."""
    far = measured(Truth(methods=3, folds=5, seeds=5, better=12.0, correlation=0.2), 10)
    for said in far.values():
        assert [verdict.winner for verdict in said] == ["m0"] * 10
        assert all(verdict.worse == ["m1", "m2"] for verdict in said)
    equal = measured(Truth(methods=2, folds=4, seeds=3, correlation=0.25), 40)
    for said in equal.values():
        assert sum(verdict.winner is not None for verdict in said) <= interval(0.05, 40)[1]
        assert all(
            verdict.sentence.startswith("no winner") for verdict in said if not verdict.winner
        )


# ---- the rates themselves ------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "power"), [(3, 0.47075), (5, 0.90888), (10, 0.99984)])
def test_of_two_methods_it_is_the_power_of_the_t_test(n: int, power: float) -> None:
    """statsmodels 0.15: TTestPower().power(2, n, .05)."""
    assert found_rate(2, n) == pytest.approx(power, abs=1e-4)


def test_of_equal_methods_one_side_of_the_test_is_left() -> None:
    assert found_rate(2, 4, 0.25, better=1e-9) == pytest.approx(0.025)
    assert found_rate(3, 5, better=0.0) < 0.025


def test_correlation_and_more_methods_take_from_it() -> None:
    assert found_rate(2, 4, 0.25) < found_rate(2, 4)
    rates = [found_rate(methods, 6) for methods in (2, 3, 4, 5)]
    assert rates == sorted(rates, reverse=True)
    assert found_rate(3, 6, better=4.0) > found_rate(3, 6)
    assert found_rate(3, 6, alpha=0.01) < found_rate(3, 6)


def test_drawn_rates_agree_with_a_plain_loop() -> None:
    """Values drawn and tested one by one, as `differences` and `verdicts` do it."""
    truth, times = Truth(methods=3, folds=8, seeds=6, better=2.0, correlation=1 / 8), 60
    for kind, said in measured(truth, times, seed=3).items():
        low, high = interval(claimed(truth, kind), times)
        assert low <= sum(verdict.winner == "m0" for verdict in said) <= high


def test_the_fewest_values_that_are_enough() -> None:
    found = needed(2)
    assert found is not None
    assert found_rate(2, found) >= 0.8 > found_rate(2, found - 1)
    assert needed(2, lambda n: 1 / n) == 7
    assert needed(2, lambda n: 0.9) is None  # no number is enough
