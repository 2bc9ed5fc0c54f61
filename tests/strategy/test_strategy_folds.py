"""FoldsPruner: lost is what every fold says is lost, a twin is what was tried before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from vrtune import FoldsPruner, report_folds
from vrtune.strategy import folds as module
from vrtune.strategy.curves import Curves
from vrtune.studies.frozen import Pruning

EPOCHS = 20
LEADER = [[0.5 + 1.5 * 0.7**epoch + shift for shift in (-0.1, 0.0, 0.2)] for epoch in range(1, 21)]


def study_of(*complete: Sequence[Sequence[float]], direction: str = "minimize") -> optuna.Study:
    """A study with complete trials, of losses [epoch][fold]."""
    study = optuna.create_study(direction=direction, pruner=FoldsPruner(EPOCHS))
    for losses in complete:
        trial = study.ask()
        for epoch, folds in enumerate(losses, 1):
            report_folds(trial, folds, epoch)
        study.tell(trial, sum(losses[-1]) / len(losses[-1]))
    return study


def verdicts(study: optuna.Study, losses: Sequence[Sequence[float]]) -> list[int]:
    """The epochs after which a trial with these losses is given up; it goes on nevertheless."""
    trial = study.ask()
    found = []
    for epoch, folds in enumerate(losses, 1):
        report_folds(trial, folds, epoch)
        if trial.should_prune():
            found.append(epoch)
    return found


def scaled(
    factors: Sequence[float], losses: Sequence[Sequence[float]] = LEADER
) -> list[list[float]]:
    return [[x * f for x, f in zip(folds, factors, strict=True)] for folds in losses]


# ---- lost --------------------------------------------------------------------------------------


def test_lost_on_every_fold() -> None:
    assert verdicts(study_of(LEADER), scaled([1.5, 1.3, 1.4]))[0] < 12
    assert verdicts(study_of(LEADER), scaled([3.0, 3.0, 3.0]))[0] == 3


@pytest.mark.parametrize("folds", [[1.5, 1.4, 0.98], [0.5, 3.0, 3.0], [5.0, 5.0, 0.9]])
def test_not_lost_while_a_fold_disagrees(folds: list[float]) -> None:
    """However much worse the mean is."""
    assert verdicts(study_of(LEADER), scaled(folds)) == []


def test_not_lost_by_less_than_the_margin() -> None:
    """Which closes as the run goes on: a tenth at the start, half of that half way."""
    found = verdicts(study_of(LEADER), scaled([1.04] * 3))
    assert found
    assert min(found) > 10


def test_not_lost_while_it_falls_fast_enough() -> None:
    late = [[30.0 * 0.35**epoch] * 3 for epoch in range(20)]
    assert late[2][0] > 3 * LEADER[2][2], "behind by far"
    assert verdicts(study_of(LEADER), late) == []
    slow = [[4.0 * 0.995**epoch] * 3 for epoch in range(1, 21)]
    assert verdicts(study_of(LEADER), slow)[0] == 3


def test_nothing_within_the_warm_up_nor_at_the_end() -> None:
    hopeless = [[50.0 + epoch] * 3 for epoch in range(20)]
    assert verdicts(study_of(LEADER), hopeless) == list(range(3, 20))
    assert FoldsPruner(100).warm_up == 10
    for epochs in (1, 2):
        study = study_of(LEADER[:epochs])
        study.pruner = FoldsPruner(epochs)
        assert verdicts(study, hopeless[:epochs]) == []


def test_the_rival_is_the_one_with_the_best_end() -> None:
    """A trial that was ahead early and ends worse decides nothing."""
    hare = [[0.8] * 3 for _ in range(20)]
    tortoise = [[3.0 - epoch * 0.14] * 3 for epoch in range(1, 21)]
    like_it = [[3.05 - epoch * 0.14] * 3 for epoch in range(1, 20)]
    assert verdicts(study_of(hare, tortoise), like_it)[:1] != [3]
    assert verdicts(study_of(hare), [[3.0 - epoch * 0.001] * 3 for epoch in range(5)])[0] == 3


def test_alone_it_is_never_given_up() -> None:
    assert verdicts(study_of(), [[9.0 + epoch] * 3 for epoch in range(20)]) == []


# ---- twins -------------------------------------------------------------------------------------


def test_a_twin_is_given_up_at_once() -> None:
    assert verdicts(study_of(LEADER), scaled([1.005, 0.995, 1.0]))[0] == 3


@pytest.mark.parametrize("factors", [[1.005, 1.03, 1.0], [0.98, 0.98, 0.98], [1.1, 0.9, 1.0]])
def test_no_twin_if_a_fold_differs(factors: list[float]) -> None:
    """The means alone may be the same."""
    assert verdicts(study_of(LEADER), scaled(factors)) == []


def test_of_two_open_twins_the_younger_goes() -> None:
    study = study_of()
    older, younger = study.ask(), study.ask()
    for epoch, folds in enumerate(LEADER[:-1], 1):
        for trial in (younger, older):
            report_folds(trial, folds, epoch)
        assert (older.should_prune(), younger.should_prune()) == (False, epoch > 2)


def test_of_two_twins_one_is_left_when_the_younger_is_ahead() -> None:
    study = study_of()
    older, younger = study.ask(), study.ask()
    for epoch, folds in enumerate(LEADER, 1):
        report_folds(younger, folds, epoch)
        assert not younger.should_prune()
    study.tell(younger, 0.5)
    for epoch, folds in enumerate(LEADER[:4], 1):
        report_folds(older, folds, epoch)
    assert older.should_prune(), "complete ones stay"


def test_no_twin_of_a_trial_that_was_cut_off() -> None:
    """It is tried again, and says the same."""
    study = study_of()
    trial = study.ask()
    for epoch, folds in enumerate(LEADER[:8], 1):
        report_folds(trial, folds, epoch)
    study.tell(trial, state=TrialState.FAIL)
    assert verdicts(study, LEADER) == []


# ---- what is not finite, not positive, not by fold ---------------------------------------------


def test_folds_that_are_not_finite() -> None:
    nan = math.nan
    some = [[x, y, nan] for x, y, _ in LEADER]
    assert verdicts(study_of(LEADER), some) == [], "the others are as good as the leader's"
    assert verdicts(study_of(LEADER), [[nan] * 3] * 20)[0] == 3
    assert verdicts(study_of(LEADER), [[math.inf, *folds[1:]] for folds in scaled([9] * 3)])[0] == 3
    diverged = study_of()
    verdicts(diverged, [*LEADER[:4], [nan] * 3])
    assert verdicts(diverged, scaled([1.2] * 3)) == []


def test_the_reported_value_is_the_only_fold_without_others() -> None:
    study = optuna.create_study(pruner=FoldsPruner(EPOCHS))

    def objective(trial: optuna.Trial) -> float:
        floor = trial.suggest_float("x", 0.1, 2)
        for epoch in range(1, EPOCHS + 1):
            trial.report(floor + 0.5**epoch, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return floor

    for x in (0.5, 1.5, 0.501, 0.2):
        study.enqueue_trial({"x": x})
    study.optimize(objective, n_trials=4)
    ends = [(trial.state, trial.last_step) for trial in study.trials]
    assert ends == [
        (TrialState.COMPLETE, 20),
        (TrialState.PRUNED, 3),  # lost
        (TrialState.PRUNED, 3),  # a twin
        (TrialState.COMPLETE, 20),
    ]


def test_folds_are_compared_by_the_mean_with_a_trial_without() -> None:
    study = study_of([[sum(folds) / 3] for folds in LEADER])
    assert verdicts(study, scaled([3.0, 0.9, 3.0]))[0] == 3
    assert verdicts(study, LEADER)[0] == 3, "the same mean"


def test_a_score_is_to_rise() -> None:
    rising = [[1 - x / 3 for x in folds] for folds in LEADER]
    study = study_of(rising, direction="maximize")
    assert verdicts(study, [[0.01] * 3] * 20)[0] == 3
    assert verdicts(study, [[x + 0.2 for x in folds] for folds in rising]) == []


@pytest.mark.parametrize("shift", [-1.0, -100.0])
def test_negative_values(shift: float) -> None:
    below = [[x + shift for x in folds] for folds in LEADER]
    study = study_of(below)
    assert verdicts(study, [[x - 1 for x in folds] for folds in below]) == []
    assert verdicts(study, [[5 + shift] * 3] * 20)[0] == 3


# ---- a study that stands still -----------------------------------------------------------------


def test_a_frozen_study_decides_the_same_by_folds() -> None:
    """Losses by fold that only the search loop knows so far."""
    others = [LEADER, scaled([0.9, 1.2, 1.1])]
    for losses in (scaled([1.5, 1.3, 1.4]), scaled([1.5, 1.4, 0.98]), LEADER, scaled([1.1] * 3)):
        expected = verdicts(study_of(*others), losses)
        study = study_of(*others)
        pruning, number = Pruning(study), study.ask().number
        pruning.refresh()
        found = []
        for epoch, folds in enumerate(losses, 1):
            pruning.report(number, epoch, folds)
            if pruning.should_prune(number):
                found.append(epoch)
        assert found == expected
        assert not study.trials[number].intermediate_values


def test_the_curves_of_a_round_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And again when a trial has reported, or ended."""
    count, original = 0, module.read

    def read(*given: Any) -> Curves:
        nonlocal count
        count += 1
        return original(*given)

    monkeypatch.setattr(module, "read", read)
    study = optuna.create_study(pruner=FoldsPruner(epochs=20))
    pruning, trials = Pruning(study), [study.ask() for _ in range(4)]
    reads = []
    for epoch in (3, 4):
        for trial in trials:
            report_folds(trial, [0.5, 0.6], epoch)
        pruning.refresh()
        for trial in trials:
            pruning.should_prune(trial.number)
        reads.append(count)
    study.tell(trials.pop(), 0.5)
    pruning.refresh()
    pruning.should_prune(trials[0].number)
    assert [*reads, count] == [1, 2, 3]


@pytest.mark.parametrize("kept", ["abc", 3, {"a": 1}, [0.1, "x"], [[1]], []])
def test_folds_that_another_program_wrote(kept: Any) -> None:
    """The reported mean is all that is known then."""
    study = optuna.create_study(pruner=FoldsPruner(epochs=20))
    for _ in range(2):
        trial = study.ask()
        study._storage.set_trial_system_attr(trial._trial_id, "folds:5", kept)
        trial.report(0.5, 5)
    assert trial.should_prune(), "a twin"
