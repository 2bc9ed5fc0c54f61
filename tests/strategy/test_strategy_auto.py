"""How AutoSampler begins a study: the default once, points around it, those of the grid."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from vrtune import AutoSampler

DEFAULT = {"x": 0.5, "lr": 0.01}


def objective(trial: optuna.Trial) -> float:
    x, lr = trial.suggest_float("x", 0, 1), trial.suggest_float("lr", 1e-5, 10, log=True)
    return 0.1 + (x - 0.3) ** 2 + (math.log10(lr) + 1) ** 2


def started(default: dict[str, Any] = DEFAULT, seed: int = 1, **options: Any) -> optuna.Study:
    return optuna.create_study(sampler=AutoSampler(default=default, seed=seed, **options))


def starts(study: optuna.Study, default: dict[str, Any] = DEFAULT) -> list[int]:
    """The numbers of the trials that are the default setting, as far as they name it."""
    return [
        trial.number
        for trial in study.trials
        if trial.params.keys() & default.keys()
        and all(default.get(name, value) == value for name, value in trial.params.items())
    ]


# ---- the default -------------------------------------------------------------------------------


def test_the_first_trial_is_the_default_and_no_other_one() -> None:
    study = started()
    study.optimize(objective, n_trials=8)
    study.sampler = AutoSampler(default=DEFAULT, seed=2)  # as a search that goes on
    study.optimize(objective, n_trials=4)
    assert starts(study) == [0]


def test_of_two_threads_one_takes_the_default() -> None:
    for seed in range(3):
        study = started(seed=seed)
        study.optimize(objective, n_trials=8, n_jobs=2)
        assert len(starts(study)) == 1
        assert starts(study)[0] in (0, 1)


def test_trials_that_start_before_the_first_has_said_what_it_sets_leave_it_the_default() -> None:
    study = started()
    one, other = study.ask(), study.ask()
    objective(other)
    objective(one)
    assert starts(study) == [0]


def test_the_default_comes_after_what_was_queued() -> None:
    study = started()
    study.enqueue_trial({"x": 0.9, "lr": 1.0})
    study.enqueue_trial({"x": 0.25})
    study.optimize(objective, n_trials=6)
    assert study.trials[0].params == {"x": 0.9, "lr": 1.0}
    assert study.trials[1].params["x"] == 0.25
    assert starts(study) == [2]


def test_a_default_that_was_queued_is_not_tried_again() -> None:
    study = started()
    study.enqueue_trial(DEFAULT)
    study.optimize(objective, n_trials=5)
    assert starts(study) == [0]


def test_a_default_comes_late_in_a_study_that_began_without() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=5)
    study.sampler = AutoSampler(default=DEFAULT, seed=1)
    study.optimize(objective, n_trials=5)
    assert starts(study) == [5]


def test_a_default_of_whole_numbers_and_words() -> None:
    default = {"n": 8, "width": 32, "kind": "b", "on": True}

    def mixed(trial: optuna.Trial) -> float:
        n, width = trial.suggest_int("n", 1, 9), trial.suggest_int("width", 1, 64, log=True)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        return 1.0 + n + width + (kind == "a") + trial.suggest_categorical("on", [True, False])

    study = started(default)
    study.optimize(mixed, n_trials=7)
    assert starts(study, default) == [0]
    assert study.trials[0].params == default


def branches(trial: optuna.Trial) -> float:
    kind = trial.suggest_categorical("kind", ["a", "b"])
    return 0.1 + trial.suggest_float("x" if kind == "a" else "y", 0, 1)


@pytest.mark.parametrize("default", [{"kind": "a", "x": 0.25}, {"kind": "b", "x": 0.25, "y": 0.75}])
def test_a_default_with_parameters_of_some_trials_only(default: dict[str, Any]) -> None:
    study = started(default)
    study.optimize(branches, n_trials=10)
    assert starts(study, default) == [0]
    assert {trial.params["kind"] for trial in study.trials} == {"a", "b"}


def test_a_default_waits_for_the_first_trial_that_has_it_to_set() -> None:
    """One that goes another way has not tried it."""
    study = started({"x": 0.25})
    study.enqueue_trial({"kind": "b"})
    study.optimize(branches, n_trials=10)
    having = [trial.params["x"] for trial in study.trials if "x" in trial.params]
    assert having[0] == 0.25
    assert having.count(0.25) == 1


def test_a_default_out_of_range_is_left_out() -> None:
    study = started({"x": 7.0, "lr": 0.01, "other": 1})
    study.optimize(objective, n_trials=6)
    assert len({trial.params["x"] for trial in study.trials}) == 6
    assert all(trial.params.keys() == {"x", "lr"} for trial in study.trials)


def test_a_failed_default_is_not_tried_again() -> None:
    study = started()
    trial = study.ask()
    objective(trial)
    study.tell(trial, state=TrialState.FAIL)
    study.optimize(objective, n_trials=4)
    assert starts(study) == [0]


# ---- the spread and the grid -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_the_first_two_others_lie_on_either_side_of_the_default(seed: int) -> None:
    """Of one in the middle of a range."""
    study = started(DEFAULT, seed)
    for _ in range(3):
        objective(study.ask())
    _, one, other = (trial.params for trial in study.trials)
    for name, middle in DEFAULT.items():
        assert (one[name] - middle) * (other[name] - middle) <= 0, (seed, name)


GRID = [{"x": x, "lr": lr} for x in (0.1, 0.5, 0.9) for lr in (0.0123, 0.123, 1.234)]


def test_the_first_trials_stand_on_the_grid_and_each_on_another_point() -> None:
    study = started(DEFAULT, grid=GRID)
    study.optimize(objective, n_trials=12)
    points = [trial.params for trial in study.trials]
    assert points[0] == DEFAULT
    assert all(point in GRID for point in points[1:5]), "exactly, whatever their digits"
    assert len({tuple(point.values()) for point in points}) == 12
    assert any(point not in GRID for point in points)


def test_a_small_grid_is_left_when_it_is_used_up() -> None:
    study = started(DEFAULT, grid=[DEFAULT, {"x": 0.1, "lr": 1.0}])
    study.optimize(objective, n_trials=5)
    points = [trial.params for trial in study.trials]
    assert points[:2] == [DEFAULT, {"x": 0.1, "lr": 1.0}]
    assert all(points.count(point) == 1 for point in points)


def test_a_grid_of_some_parameters_leaves_the_others_free() -> None:
    """What no parameter can have is no point of it."""
    grid = [{"lr": 0.01}, {"lr": 0.1}, {"lr": 1.0}, {"lr": 1e9}, {"other": 1}, {}]
    study = started(DEFAULT, grid=grid)
    study.optimize(objective, n_trials=5)
    rates, others = ([trial.params[name] for trial in study.trials] for name in ("lr", "x"))
    assert set(rates) <= {0.01, 0.1, 1.0}
    assert len(set(others)) == 5


def test_pairs_may_be_choices(tmp_path: Path) -> None:
    """A storage gives them back as lists, which Optuna takes for other choices."""
    study = optuna.create_study(
        storage=f"sqlite:///{tmp_path}/pairs.db", sampler=AutoSampler(default={"x": 0.5}, seed=1)
    )

    def objective(trial: optuna.Trial) -> float:
        pair = trial.suggest_categorical("pair", [(0.9, 0.999), (0.95, 0.99)])  # type: ignore[list-item]
        return trial.suggest_float("x", 0, 1) + pair[0]  # type: ignore[index]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a choice that is no number or word
        study.optimize(objective, n_trials=8)
        assert len({trial.params["x"] for trial in study.trials}) == 8
