"""A grid in the queue: each point once, and again where all that came of it were failures."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from vrtune.storages.opening import open_storage
from vrtune.studies.grid import as_key, queue_grid, waiting
from vrtune.studies.leases import CUT_OFF, put_back, reclaim

POINTS = [{"x": x, "kind": kind} for x in (0.1, 1.0, 3) for kind in ("a", "b")]


@pytest.fixture
def study(url: str) -> optuna.Study:
    return optuna.create_study(study_name="s", storage=open_storage(url))


def run(study: optuna.Study, state: TrialState = TrialState.COMPLETE) -> int:
    trial = study.ask()
    trial.suggest_float("x", 0, 9)
    trial.suggest_categorical("kind", ["a", "b"])
    study.tell(trial, 1.0 if state is TrialState.COMPLETE else None, state=state)
    return trial.number


def test_a_point_is_queued_once_whatever_became_of_it(study: optuna.Study) -> None:
    queue_grid(study, POINTS)
    assert waiting(study) == 6
    run(study)
    run(study, TrialState.PRUNED)
    study.ask()
    queue_grid(study, POINTS)
    assert (waiting(study), len(study.trials)) == (3, 6)


def test_a_point_whose_trials_failed_is_queued_again_once_a_search(study: optuna.Study) -> None:
    queue_grid(study, POINTS)
    failed = [run(study, TrialState.FAIL) for _ in range(2)]
    for _ in range(2):
        queue_grid(study, POINTS)
        assert waiting(study) == 6
    again = [study.trials[number].system_attrs["fixed_params"] for number in (6, 7)]
    assert again == [study.trials[number].system_attrs["fixed_params"] for number in failed]


def test_a_point_that_was_cut_off_is_not_queued_twice(study: optuna.Study) -> None:
    queue_grid(study, POINTS)
    number = study.ask().number
    put_back(study, study.trials[number])
    queue_grid(study, POINTS)
    assert waiting(study) == 6
    study.ask().set_user_attr(CUT_OFF, True)  # its process is killed while it puts it back
    study.tell(1, state=TrialState.FAIL)
    reclaim(study)
    queue_grid(study, POINTS)
    assert waiting(study) == 6


def test_a_point_that_means_something_else_by_now_is_queued_again(study: optuna.Study) -> None:
    """As its space was edited: what suggest gives besides the parameters."""
    queue_grid(study, POINTS)
    for momentum in (0.9, 0.1):
        trial = study.ask()
        trial.set_user_attr("config", {"momentum": momentum})
        study.tell(trial, 1.0)
    for _ in range(2):
        queue_grid(study, POINTS, lambda point: {"momentum": 0.1})
        assert waiting(study) == 5
    assert study.trials[6].system_attrs["fixed_params"] == {"x": 0.1, "kind": "a"}
    queue_grid(study, POINTS, lambda point: None)  # pruned at once
    assert waiting(study) == 5


def test_a_trial_that_was_added_by_hand_counts(study: optuna.Study) -> None:
    ranges = {
        "x": optuna.distributions.FloatDistribution(0, 9),
        "kind": optuna.distributions.CategoricalDistribution(["a", "b"]),
    }
    params = {"x": 3.0, "kind": "b"}
    study.add_trial(optuna.trial.create_trial(value=1.0, params=params, distributions=ranges))
    queue_grid(study, POINTS)
    assert waiting(study) == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (0.1 + 0.2, 0.3),
        (np.float64(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        ((1, 2), [1.0, 2]),
        ([(1,), "a"], ((1,), "a")),
        (math.nan, float("nan")),
        (None, None),
        ({"a": 1}, {"a": 1}),
        (math.inf, math.inf),
    ],
)
def test_the_same_point(one: Any, other: Any) -> None:
    assert as_key({"a": 1, "x": one}) == as_key({"x": other, "a": 1})


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (0, False), (1e-7, 1.1e-7), ("1", 1), (None, "None"), ([1], 1)]
)
def test_another_point(one: Any, other: Any) -> None:
    assert as_key({"x": one}) != as_key({"x": other})


QUEUES = """
import sys, optuna
from vrtune.studies.grid import queue_grid
from vrtune.storages.opening import open_storage
study = optuna.load_study(study_name="s", storage=open_storage(sys.argv[1]))
print("ready", flush=True)
input()
queue_grid(study, [{"x": x / 100} for x in range(40)])
"""


@pytest.mark.parametrize("kind", ["sqlite:///{}/s.db", "{}/s.journal"])
def test_processes_that_start_together_queue_one_grid(kind: str, tmp_path: Any) -> None:
    url = kind.format(tmp_path)
    study = optuna.create_study(study_name="s", storage=open_storage(url))
    command = [sys.executable, "-c", QUEUES, url]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"  # type: ignore[union-attr]
    for process in processes:
        process.stdin.write("go\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    points = [trial.system_attrs["fixed_params"]["x"] for trial in study.trials]
    assert points == [x / 100 for x in range(40)]
