"""What AutoSampler proposes: new points, which the study and the trial's number alone decide."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from vrtune import AutoSampler

UNIT = FloatDistribution(0.0, 1.0)


def bowl(trial: optuna.Trial) -> float:
    return 0.1 + (trial.suggest_float("x", 0, 1) - 0.3) ** 2 + trial.suggest_float("y", 0, 1) ** 2


def told(values: list[tuple[dict[str, float], float]], seed: int = 1, **given: Any) -> optuna.Study:
    """A study in which settings had these values."""
    study = optuna.create_study(sampler=AutoSampler(seed=seed, **given))
    for params, value in values:
        study.add_trial(
            create_trial(params=params, distributions=dict.fromkeys(params, UNIT), value=value)
        )
    return study


def next_x(study: optuna.Study) -> float:
    return study.ask().suggest_float("x", 0, 1)


# ---- nothing twice -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_no_setting_is_tried_twice_while_others_are_left(seed: int) -> None:
    """And it goes on when none is."""
    height = {"u": 0.5, "v": 0.1, "w": 2.0}

    def small(trial: optuna.Trial) -> float:
        return trial.suggest_int("n", 0, 2) + height[trial.suggest_categorical("c", list("uvw"))]

    study = optuna.create_study(sampler=AutoSampler(default={"n": 1, "c": "u"}, seed=seed))
    study.optimize(small, n_trials=11)
    points = [tuple(sorted(trial.params.items())) for trial in study.trials]
    assert len(set(points[:9])) == 9
    assert study.best_params == {"n": 0, "c": "v"}


def test_open_trials_lie_apart_from_each_other() -> None:
    study = optuna.create_study(sampler=AutoSampler(default={"x": 0.5, "y": 0.5}, seed=1))
    study.optimize(bowl, n_trials=6)
    for trial in (opened := [study.ask() for _ in range(8)]):
        bowl(trial)
    points = np.array([[t.params["x"], t.params["y"]] for t in study.trials])
    distances = np.abs(points[:, None] - points[None]).max(-1) + np.eye(len(points))
    assert distances[-len(opened) :].min() > 0.03
    assert np.ptp(points[-8:], axis=0).max() > 0.2, "and not side by side"


def test_fresh_open_trials_differ() -> None:
    study = optuna.create_study(sampler=AutoSampler(seed=1))
    for _ in range(8):
        bowl(study.ask())
    assert len({tuple(t.params.values()) for t in study.trials}) == 8
    assert all(t.state is TrialState.RUNNING for t in study.trials)


# ---- the study and the number alone ------------------------------------------------------------


def copied(study: optuna.Study, seed: int) -> optuna.Study:
    again = optuna.create_study(sampler=AutoSampler(default={"x": 0.5}, seed=seed))
    again.add_trials(copy.deepcopy(study.trials))
    return again


@pytest.mark.parametrize("trials", [0, 1, 3, 9])
def test_another_sampler_proposes_the_same(trials: int) -> None:
    study = optuna.create_study(sampler=AutoSampler(default={"x": 0.5}, seed=3))
    study.optimize(bowl, n_trials=trials)
    asked = []
    for other in (copied(study, 3), copied(study, 3), copied(study, 4)):
        bowl(trial := other.ask())
        asked.append(trial.params)
    bowl(trial := study.ask())
    assert asked[0] == asked[1] == trial.params
    assert (asked[2] != trial.params) == (trials > 0) or trials == 0


def test_a_run_in_two_parts_is_that_in_one() -> None:
    whole = optuna.create_study(sampler=AutoSampler(seed=3))
    whole.optimize(bowl, n_trials=9)
    parts = optuna.create_study(sampler=AutoSampler(seed=3))
    for count in (2, 4, 3):
        parts.sampler = AutoSampler(seed=3)
        parts.optimize(bowl, n_trials=count)
    assert [t.params for t in parts.trials] == [t.params for t in whole.trials]


def test_without_a_seed_two_samplers_differ() -> None:
    drawn = {next_x(optuna.create_study(sampler=AutoSampler())) for _ in range(4)}
    assert len(drawn) > 1


# ---- what it learns of -------------------------------------------------------------------------

LINE = [({"x": x}, 0.1 + (x - 0.6) ** 2) for x in (0.0, 0.25, 0.5, 0.75, 1.0)]


def test_it_goes_where_the_loss_is_low() -> None:
    assert abs(next_x(told(LINE)) - 0.6) < 0.1


def test_it_goes_where_a_score_is_high() -> None:
    study = optuna.create_study(direction="maximize", sampler=AutoSampler(seed=1))
    for params, value in LINE:
        study.add_trial(create_trial(params=params, distributions={"x": UNIT}, value=1 - value))
    assert abs(next_x(study) - 0.6) < 0.1


@pytest.mark.parametrize("shift", [-0.2, -50.0, 0.0])
def test_values_may_be_negative(shift: float) -> None:
    study = told([(params, value - 0.1 + shift) for params, value in LINE])
    assert abs(next_x(study) - 0.6) < 0.12


def ended(study: optuna.Study, x: float, losses: list[float], state: TrialState) -> None:
    study.add_trial(
        create_trial(
            state=state,
            value=losses[-1] if state is TrialState.COMPLETE else None,
            params={"x": x},
            distributions={"x": UNIT},
            intermediate_values=dict(enumerate(losses, 1)),
        )
    )


@pytest.mark.parametrize("state", [TrialState.PRUNED, TrialState.RUNNING])
def test_pruned_and_open_trials_count(state: TrialState) -> None:
    """With what the complete ones gained from there on."""
    study = optuna.create_study(sampler=AutoSampler(seed=1))
    for x in (0.1, 0.3, 0.5):
        ended(study, x, [2.0 - x, 1.5 - x, 1.0 - x], TrialState.COMPLETE)
    ended(study, 0.8, [0.9], state)  # 1.5 at x = .5 after the first epoch, .5 at the end
    ended(study, 1.0, [1.9], state)
    assert abs(next_x(study) - 0.8) < 0.15


def test_diverged_trials_are_worse_than_all_others() -> None:
    study = optuna.create_study(sampler=AutoSampler(seed=1))
    for x in (0.1, 0.3, 0.5):
        ended(study, x, [1.0 - x], TrialState.COMPLETE)
    for x in (0.65, 0.8, 0.95):  # where falling losses alone would lead to
        ended(study, x, [0.2, math.nan], TrialState.PRUNED)
    assert next_x(study) < 0.62


def test_a_study_of_nothing_but_trouble_goes_on() -> None:
    """All diverged, all failed, none told."""
    study = optuna.create_study(sampler=AutoSampler(seed=1))

    def diverges(trial: optuna.Trial) -> float:
        bowl(trial)
        trial.report(math.nan, 1)
        raise optuna.TrialPruned

    def breaks(trial: optuna.Trial) -> float:
        bowl(trial)
        raise RuntimeError("out of ideas")

    study.optimize(diverges, n_trials=6)
    study.optimize(breaks, n_trials=3, catch=RuntimeError)
    study.optimize(lambda trial: bowl(trial) * math.nan, n_trials=3)
    study.optimize(lambda trial: bowl(trial) * math.inf, n_trials=3)
    study.optimize(bowl, n_trials=2)
    points = [tuple(trial.params.values()) for trial in study.trials]
    assert len(set(points)) == 17


def test_the_default_is_a_prior_that_fades() -> None:
    flat = [({"x": x}, 1.0) for x in (0.05, 0.2, 0.5, 0.95)]
    for seed in range(4):
        assert abs(next_x(told(flat, seed, default={"x": 0.2})) - 0.2) < 0.3
        assert abs(next_x(told(flat, seed)) - 0.2) > 0.3, "where nothing was tried"
    assert abs(next_x(told(LINE * 6, default={"x": 0.0})) - 0.6) < 0.1


def test_a_parameter_in_another_range_than_before() -> None:
    study = told(LINE)
    trial = study.ask()
    assert 2 <= trial.suggest_float("x", 2, 3) <= 3
    assert trial.suggest_float("new", 5, 6) >= 5
    study.tell(trial, 1.0)
    assert 0 <= next_x(study) <= 1


def test_several_objectives_are_refused() -> None:
    study = optuna.create_study(directions=["minimize"] * 2, sampler=AutoSampler())
    with pytest.raises(ValueError, match="one objective: choose another sampler"):
        study.ask().suggest_float("x", 0, 1)
