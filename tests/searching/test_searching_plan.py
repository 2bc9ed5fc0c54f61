"""The second part of a search: the study, its trials, and how they are trained."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from optuna.trial import TrialState
from reference.small_search import SPACE, TASK, trials_of

from vrtune import Task
from vrtune.errors import UsageError
from vrtune.searching import plan as planning
from vrtune.searching.plan import Work, plan
from vrtune.searching.prepare import Request, prepare, understand
from vrtune.searching.settings import SearchSettings
from vrtune.studies.alive import identity
from vrtune.studies.retrained import Retrained, Spread, keep

POINTS = 8  # of the grid of SPACE
ONE = Spread(mean=0.5, std=0.0, values=[0.5])


def asked(task: Task = TASK, **given: Any) -> Request:
    return understand(SPACE, task, SearchSettings(**{"jobs": 1, "fuse": "off", **given}))


def planned(url: str, **given: Any) -> Work:
    return plan(prepare(asked(storage=url, study="s", **given)))


def test_a_plan_opens_the_study_and_starts_no_trial(url: str) -> None:
    work = planned(url, trials=5, jobs=2)
    assert (work.trials, work.processes) == (5, 2)
    assert (work.job.study, work.job.storage, work.job.fused) == ("s", url, False)
    assert work.workspace.threads == work.job.threads
    assert str(work).startswith("2 processes, each with 1 trial at a time")
    assert trials_of(url) == []


def test_a_grid_is_queued_once_and_no_more_than_is_left_of_it_is_run(url: str) -> None:
    assert planned(url, sampler="grid").trials == POINTS
    assert planned(url, sampler="grid", trials=3).trials == 3
    assert [trial.state for trial in trials_of(url)] == [TrialState.WAITING] * POINTS
    work = planned(url, sampler="grid", trials=100, jobs=99)
    assert (work.trials, work.processes) == (POINTS, POINTS)
    for _ in range(POINTS):
        work.study.tell(work.study.ask(), 1.0)
    with pytest.raises(UsageError, match="'s' has run its whole grid: choose"):
        planned(url, sampler="grid")


def test_a_finished_grid_is_searched_on_where_its_best_is_not_trained_again(url: str) -> None:
    """It was stopped while it confirmed, or trained again."""
    work = planned(url, sampler="grid", trials=1, retrain=1, jobs=4)
    for _ in range(POINTS):
        trial = work.study.ask()
        trial.set_user_attr("config", {})
        work.study.tell(trial, 1.0)
    again = planned(url, sampler="grid", retrain=1, jobs=4)
    assert (again.trials, again.processes) == (0, 1)
    with pytest.raises(UsageError, match="'s' has run its whole grid: choose"):
        planned(url, sampler="grid", retrain=0)
    keep(work.study, Retrained(trial=0, seeds=1, test_accuracy=ONE, test_loss=ONE,
                               train_losses=[[0.1]], gradient_computations=1.0))  # fmt: skip
    with pytest.raises(UsageError, match="'s' has run its whole grid: choose"):
        planned(url, sampler="grid", retrain=1)
    assert planned(url, sampler="grid", retrain=2).trials == 0, "the second is not"


def test_a_point_that_failed_is_queued_again(url: str) -> None:
    work = planned(url, sampler="grid")
    for _ in range(POINTS):
        work.study.tell(work.study.ask(), state=TrialState.FAIL)
    assert planned(url, sampler="grid").trials == POINTS
    assert planned(url, sampler="grid").trials == POINTS


def test_the_last_points_of_a_grid_may_be_held_by_others(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a process that is gone are run here; those of one that lives are not."""
    monkeypatch.setattr("vrtune.searching.opening.LOOK_S", 0.05)
    monkeypatch.setattr("vrtune.studies.leases.GRACE_S", 0.3)
    study = planned(url, sampler="grid").study
    trials = [study.ask() for _ in range(POINTS)]
    for trial in trials[2:]:
        study.tell(trial, 1.0)
    trials[0].set_user_attr("worker", identity())
    trials[1].set_user_attr("worker", {**identity(), "boot": "another"})
    assert planned(url, sampler="grid", retrain=0).trials == 1
    study.tell(study.ask(), 1.0)
    with pytest.raises(UsageError, match="its whole grid but for 1 trial that others train:"):
        planned(url, sampler="grid", retrain=0)


@pytest.mark.parametrize("device", ["cuda:1", "cpu"])
def test_every_process_is_told_which_device(
    url: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(asked(storage=url, study="s"))
    there = replace(prepared.request, devices=(torch.device(device),))
    monkeypatch.setattr(planning, "_under_way", lambda *_: 1)
    way = planning._way(prepared, 1, 1)
    monkeypatch.setattr(planning, "_way", lambda *_: way)
    entry = SimpleNamespace(name="of the search")
    monkeypatch.setattr(planning, "entered", lambda *_, **given: (entry, ()))
    assert plan(replace(prepared, request=there)).job.device == device


GPUS = tuple(torch.device("cuda", number) for number in range(3))


def test_processes_take_the_gpus_in_turn(url: str) -> None:
    work = planned(url, trials=5, jobs=5)
    on_gpus = replace(work, request=replace(work.request, devices=GPUS))
    jobs = [on_gpus.job_of(number, threads=2) for number in range(5)]
    assert [job.device for job in jobs] == ["cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1"]
    assert [job.number for job in jobs] == [0, 1, 2, 3, 4]
    assert {job.threads for job in jobs} == {2}
    assert str(on_gpus).startswith("5 processes on 3 GPUs, each with")
    assert str(replace(on_gpus, processes=2)).startswith("2 processes on 2 GPUs, each")
    assert str(replace(on_gpus, processes=1)).startswith("1 process, 1 trial")
    assert [on_gpus.request.sharing(processes) for processes in (1, 3, 4, 7)] == [1, 1, 2, 3]


def test_another_task_under_the_same_name_is_refused(url: str) -> None:
    planned(url)
    other = asked(TASK.model_copy(update={"epochs": 9}), storage=url, study="s")
    with pytest.raises(UsageError, match="epochs was 3, now 9"):
        plan(prepare(other))


@pytest.mark.parametrize(
    ("given", "slots", "most", "said"),
    [
        ({}, 1, None, "1 process, 1 trial at a time; its 2 folds take each step one after another"),
        ({"fuse": "auto"}, 1, None, "1 trial at a time; its 2 folds take each step all at once"),
        (
            {"fuse": "on", "open": 5, "jobs": 2},
            5,
            None,
            "2 processes, each with 5 trials at a time;",
        ),
        ({"fuse": "on", "open": 5}, 5, None, "their 10 trainings take each step all at once"),
        (
            {"fuse": "on", "open": 5, "lanes": 3},
            5,
            3,
            "their 10 trainings take each step 3 at once",
        ),
        ({"fuse": "on", "lanes": 1}, 1, 1, "its 2 folds take each step one after another"),
        ({"fuse": "on", "lanes": 12}, 1, None, "its 2 folds take each step all at once"),
    ],
)
def test_lanes_say_how_trials_are_computed_and_not_how_many_are_under_way(
    url: str, given: dict[str, Any], slots: int, most: int | None, said: str
) -> None:
    work = planned(url, sampler="tpe", **given)
    assert (work.job.slots, work.job.most) == (slots, most)
    assert said in str(work)


@pytest.mark.parametrize(
    ("trials", "processes", "given", "under_way"),
    [
        (400, 1, {}, 32),  # 64 lanes of two folds fill it
        (60, 1, {}, 15),
        (60, 3, {}, 5),
        (3, 1, {}, 1),
        (400, 1, {"fuse": "off"}, 1),  # one lane after another: others beside it gain nothing
        (400, 1, {"open": 2}, 2),
    ],
)
def test_trials_under_way_on_a_gpu(
    url: str,
    trials: int,
    processes: int,
    given: dict[str, Any],
    under_way: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "fits", lambda *args, **given: True)
    prepared = prepare(asked(storage=url, **{"fuse": "on", **given}))
    there = replace(prepared.request, devices=(torch.device("cuda"),))
    on_gpu = replace(prepared, request=there)
    assert planning._under_way(on_gpu, trials, processes) == under_way


def test_no_more_trials_under_way_than_fit_a_gpu(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(asked(storage=url, fuse="on"))
    there = replace(prepared.request, devices=(torch.device("cuda"),))
    for room, under_way in ((99, 32), (20, 8), (1, 1)):
        monkeypatch.setattr(
            planning, "fits", lambda _, like, lanes, *args, room=room, **given: lanes <= room
        )
        assert planning._under_way(replace(prepared, request=there), 400, 1) == under_way
