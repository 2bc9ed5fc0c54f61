"""The second part of a search: the study, its trials, and how they are trained."""

from __future__ import annotations

from dataclasses import replace
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

POINTS = 8  # of the grid of SPACE


def asked(task: Task = TASK, **given: Any) -> Request:
    return understand(SPACE, task, SearchSettings(**{"jobs": 1, "fuse": "off", **given}))


def planned(url: str, **given: Any) -> Work:
    return plan(prepare(asked(storage=url, study="s", **given)))


def test_a_plan_opens_the_study_and_starts_no_trial(url: str) -> None:
    work = planned(url, trials=5, jobs=2)
    assert (work.trials, work.processes) == (5, 2)
    assert (work.job.study, work.job.storage, work.job.fused) == ("s", url, False)
    assert work.workspace.threads == work.job.threads
    assert str(work).endswith("2 processes")
    assert trials_of(url) == []


def test_a_grid_is_queued_once_and_no_more_than_is_left_of_it_is_run(url: str) -> None:
    assert planned(url, sampler="grid").trials == POINTS
    assert planned(url, sampler="grid", trials=3).trials == 3
    assert [trial.state for trial in trials_of(url)] == [TrialState.WAITING] * POINTS
    work = planned(url, sampler="grid", trials=100, jobs=99)
    assert (work.trials, work.processes) == (POINTS, POINTS)
    for _ in range(POINTS):
        work.study.tell(work.study.ask(), 1.0)
    with pytest.raises(UsageError, match="'s' has run its whole grid"):
        planned(url, sampler="grid")


def test_another_task_under_the_same_name_is_refused(url: str) -> None:
    planned(url)
    other = asked(TASK.model_copy(update={"epochs": 9}), storage=url, study="s")
    with pytest.raises(UsageError, match="epochs was 3, now 9"):
        plan(prepare(other))


@pytest.mark.parametrize(
    ("given", "slots", "most", "said"),
    [
        ({}, 1, None, "looped gradients, 2 lanes, 1 trial under way, 1 process"),
        ({"fuse": "auto"}, 1, None, "fused gradients, 2 lanes at once, 1 trial under way"),
        ({"fuse": "on", "open": 5, "jobs": 2}, 5, None, "10 lanes at once, 5 trials under way, 2"),
        ({"fuse": "on", "open": 5, "lanes": 3}, 5, 3, "3 lanes at once, 5 trials under way"),
        ({"fuse": "on", "lanes": 1}, 1, 1, "1 lane at once, 1 trial under way"),
        ({"fuse": "on", "lanes": 12}, 1, None, "2 lanes at once, 1 trial under way"),
    ],
)
def test_lanes_say_how_trials_are_computed_and_not_how_many_are_under_way(
    url: str, given: dict[str, Any], slots: int, most: int | None, said: str
) -> None:
    work = planned(url, sampler="tpe", **given)
    assert (work.job.slots, work.job.most) == (slots, most)
    assert said in str(work)


@pytest.mark.parametrize(
    ("trials", "given", "under_way"),
    [
        (400, {}, 32),  # 64 lanes of two folds fill it
        (60, {}, 15),
        (3, {}, 1),
        (400, {"fuse": "off"}, 1),  # one lane after another: others beside it gain nothing
        (400, {"open": 2}, 2),
    ],
)
def test_trials_under_way_on_a_gpu(
    url: str,
    trials: int,
    given: dict[str, Any],
    under_way: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "fits", lambda *args, **given: True)
    prepared = prepare(asked(storage=url, **{"fuse": "on", **given}))
    there = replace(prepared.request, device=torch.device("cuda"))
    on_gpu = replace(prepared, request=there)
    assert planning._under_way(on_gpu, trials, 1) == under_way


def test_no_more_trials_under_way_than_fit_a_gpu(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(asked(storage=url, fuse="on"))
    there = replace(prepared.request, device=torch.device("cuda"))
    for room, under_way in ((99, 32), (20, 8), (1, 1)):
        monkeypatch.setattr(
            planning, "fits", lambda _, like, lanes, *args, room=room, **given: lanes <= room
        )
        assert planning._under_way(replace(prepared, request=there), 400, 1) == under_way
