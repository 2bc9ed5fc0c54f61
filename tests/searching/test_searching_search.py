"""The parts of a search, each by itself: prepare, run, conclude; plan has a file of its own."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from optuna.trial import TrialState
from reference.small_search import SPACE, TASK, trials_of

from vrtune import Task, search
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event, Noted, Planned, Retraining, Stopped, TimeSpent
from vrtune.searching import prepare as preparing
from vrtune.searching.job import Quota
from vrtune.searching.plan import Work, plan
from vrtune.searching.prepare import Request, prepare, understand
from vrtune.searching.processes import Processes
from vrtune.searching.search import STOPPING, conclude, run
from vrtune.searching.settings import TRIALS, SearchSettings
from vrtune.searching.timesheet import Timesheet
from vrtune.studies.alive import identity
from vrtune.studies.goals import in_turn
from vrtune.studies.searches import read_searches

POINTS = 8  # of the grid of SPACE


def asked(task: Task = TASK, space: str | Path = SPACE, **given: Any) -> Request:
    return understand(space, task, SearchSettings(**{"jobs": 1, "fuse": "off", **given}))


def planned(url: str, **given: Any) -> Work:
    return plan(prepare(asked(storage=url, study="s", **given)))


def silent(event: Event) -> None: ...


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing in it, where the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- prepare -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("space", "changes", "said"),
    [
        ("sdg", {}, "did you mean sgd"),
        ("sgd", {"init": "meta"}, "choose one of any, default"),
        ("sgd", {"model": "lent"}, "did you mean lenet"),
        ("sgd", {"batch_size": 120}, "use at most 60"),
        ("sgd", {"dataset": "digit"}, "did you mean 'digits'"),
        ("none.py", {}, "there is no file none.py"),
    ],
)
def test_what_can_not_be_done_is_refused_and_nothing_written(
    empty: Path, space: str, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        prepare(asked(TASK.model_copy(update=changes), space))
    assert not list(empty.iterdir())


def test_what_can_be_done_is_read_and_nothing_written(empty: Path) -> None:
    prepared = prepare(asked())
    assert len(prepared.workspace.splits) == TASK.folds
    assert prepared.like.optimizer.kind == "sgd"
    assert not list(empty.iterdir())


def test_a_data_set_is_remembered_by_its_full_path(empty: Path) -> None:
    np.savez("mine.npz", x=np.zeros(3))
    assert asked(Task(dataset="mine.npz")).task.dataset == str(empty / "mine.npz")
    assert asked(Task(dataset="digits")).task.dataset == "digits"


@pytest.mark.parametrize(
    ("given", "processes"),
    [
        ({"jobs": 3}, 3),
        ({"jobs": "auto"}, 16),
        ({"jobs": 3, "trials": 2}, 2),
        ({"jobs": 99}, TRIALS),
        ({"jobs": 99, "sampler": "grid"}, POINTS),
        ({"jobs": 99, "sampler": "grid", "trials": 5}, 5),
    ],
)
def test_no_more_processes_than_trials(
    given: dict[str, Any], processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "cores", lambda device: 16)
    request = asked(**given)
    assert request.processes == processes
    assert request.threads(processes) == max(1, 16 // processes)


@pytest.mark.parametrize(("jobs", "processes"), [("auto", 3), (2, 2), (6, 6)])
def test_a_process_a_gpu(jobs: int | str, processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = tuple(torch.device("cuda", number) for number in range(3))
    monkeypatch.setattr(preparing, "choose_devices", lambda device: gpus)
    request = asked(jobs=jobs)
    assert (request.device, request.devices) == (gpus[0], gpus)
    assert (request.processes, request.threads(processes)) == (processes, 1)


def test_so_many_trials_under_way_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def noted(workspace, like, trials, processes, *, fused, devices) -> None:
        found.append((trials, processes, fused, devices))

    monkeypatch.setattr(preparing, "check_fit", noted)
    prepare(asked(lanes=9, jobs=1, sampler="tpe"))
    prepare(asked(open=7, jobs=2, fuse="on"))
    prepare(asked(jobs=2))  # two parameters: four trials start together
    assert found == [(1, 1, False, 1), (7, 2, True, 1), (2, 2, False, 1)]


# ---- what is shown -----------------------------------------------------------------------------

TINY = Task(model="softmax", folds=2, epochs=2, limit=120)


def test_progress_is_shown_on_standard_error_unless_it_is_switched_off(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {"storage": url, "jobs": 1, "retrain_seeds": 1, "confirm": 1}
    search("sgd", TINY, trials=2, **given)
    said = capsys.readouterr()
    first, second, plan, *rest = said.err.splitlines()
    assert (first, second) == ("starting", "reading digits")
    assert plan == "1 process, 1 trial at a time; its 2 folds take each step all at once"
    assert [line.split()[:2] for line in rest[:2]] == [["trial", "0"], ["trial", "1"]]
    assert rest[2].startswith("judging trial ")
    assert rest[2].endswith(" again on fresh starts (1 of 1)")
    assert re.fullmatch(r"training trial [01] again with 1 seed", rest[-1])
    assert said.out == ""
    search("sgd", TINY, trials=1, progress=False, **given)
    assert capsys.readouterr() == ("", "")


def test_a_listener_hears_how_much_there_is_to_do_and_what_is_known(url: str) -> None:
    heard: list[Event] = []
    given: dict[str, Any] = {"storage": url, "jobs": 1, "retrain": 0, "progress": heard.append}
    search("sgd", TINY, trials=2, **given)
    found = search("sgd", TINY, budget=1.0, timeout=60.0, **given)
    first, second = (event for event in heard if isinstance(event, Planned))
    assert (first.trials, first.epochs, first.budget, first.best) == (2, 2, None, None)
    assert (second.trials, second.budget, second.timeout) == (None, 1.0, 60.0)
    assert found.best is not None
    assert second.best == min(trial.value or 9.9 for trial in trials_of(url, found.study)[:2])
    assert {"preparing", "plan", "step", "round", "finished"} <= {event.kind for event in heard}


def test_what_a_data_set_has_to_say_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Event] = []
    whole = preparing.Workspace

    def with_a_note(*args: Any, **given: Any) -> Any:
        workspace = whole(*args, **given)
        workspace.dataset = replace(workspace.dataset, notes=("3 files are passed over",))
        return workspace

    monkeypatch.setattr(preparing, "Workspace", with_a_note)
    search("sgd", TINY, trials=1, storage=url, jobs=1, retrain=0, progress=heard.append)
    assert [e.text for e in heard if isinstance(e, Noted)] == ["3 files are passed over"]


def test_a_listener_that_fails_ends_the_search(url: str) -> None:
    def fail(event: Event) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        search("sgd", TINY, trials=1, storage=url, jobs=1, progress=fail)


# ---- run ---------------------------------------------------------------------------------------


def fake(act: Callable[..., None]) -> Processes:
    """Processes that do `act` with what they are told."""
    return SimpleNamespace(run=act, pids=set())  # type: ignore[return-value]


def granted_of(work: Work, quota: Quota, times: int) -> int:
    """How many trials are granted of so many that are asked for; they are over at once."""
    count = 0
    for _ in range(times):
        with in_turn(work.study) as granted:
            if granted and quota.take():
                work.study.tell(work.study.ask(), 1.0)
                count += 1
    return count


def test_the_time_of_all_processes_is_summed(url: str) -> None:
    heard: list[Event] = []

    def act(work, quota, stopping, progress) -> None:
        for worker in range(2):
            progress(TimeSpent(times=Timesheet(training=3.0).model_dump(), worker=worker))

    times, stopped = run(planned(url), fake(act), heard.append)
    assert times == Timesheet(training=6.0)
    assert not stopped
    assert [event.worker for event in heard] == [0, 1]


@pytest.mark.parametrize(("timeout", "granted"), [(None, 2), (1e-9, 0)])
def test_so_many_trials_are_granted_and_none_after_the_time(
    url: str, timeout: float | None, granted: int
) -> None:
    count = 0

    def act(work, quota, stopping, progress) -> None:
        nonlocal count
        count = granted_of(work, quota, 9)

    run(planned(url, trials=2, timeout=timeout), fake(act), silent)
    assert count == granted


@pytest.mark.parametrize("error", [Stopped, VrtuneError])
def test_no_trial_is_left_open_however_it_ends(url: str, error: type[Exception]) -> None:
    work = planned(url)

    def act(*_: Any) -> None:
        trial = work.study.ask()
        trial.set_user_attr("worker", {**identity(), "started": 0.0})  # which is gone
        trial.suggest_float("lr", 0.1, 1.0)
        raise error

    if error is Stopped:
        run(work, fake(act), silent)
    else:
        with pytest.raises(error):
            run(work, fake(act), silent)
    assert [t.state for t in trials_of(url)] == [TrialState.FAIL, TrialState.WAITING]


def test_who_stops_it_is_told_once_what_happens(url: str) -> None:
    heard: list[Event] = []

    def act(work, quota, stopping, progress) -> None:
        assert not stopping()
        os.kill(os.getpid(), signal.SIGINT)
        assert [stopping(), stopping()] == [True, True]
        raise Stopped

    _, stopped = run(planned(url), fake(act), heard.append)
    assert stopped
    assert [event.text for event in heard if isinstance(event, Noted)] == [STOPPING]


# ---- conclude ----------------------------------------------------------------------------------


def test_nothing_is_retrained_without_a_complete_trial(url: str) -> None:
    work = planned(url)
    result = conclude(work, Timesheet(), stopped=False, progress=silent)
    assert result.best is None
    assert (result.retrain, result.retrained) == (None, ())
    assert result.trials.complete == 0
    assert result.seconds > 0
    assert len(read_searches(work.study)) == 1


def test_nothing_is_retrained_after_a_stop_nor_unasked(url: str) -> None:
    for stopped, given in ((True, {}), (False, {"retrain": 0})):
        work = planned(url, trials=1, sampler="random", pruner="none", **given)
        with Processes(0) as processes:
            run(work, processes, silent)
        result = conclude(work, Timesheet(), stopped=stopped, progress=silent)
        assert result.best is not None
        assert (result.retrained, result.stopped) == ((), stopped)


def test_as_many_are_retrained_as_were_asked_for(url: str, empty: Path) -> None:
    work = planned(url, trials=3, pruner="none", retrain=2, retrain_seeds=1)
    with Processes(0) as processes:
        times, _ = run(work, processes, silent)
    result = conclude(work, times, stopped=False, progress=silent)
    ranks = sorted(trials_of(url), key=lambda trial: trial.value)
    assert [again.trial for again in result.retrained] == [trial.number for trial in ranks[:2]]
    assert result.retrain == result.retrained[0]
    assert result.best is not None
    assert result.best.number == ranks[0].number


@pytest.mark.parametrize("part", ["confirmation", "retraining"])
def test_it_says_where_it_was_stopped(
    part: str, url: str, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = planned(url, trials=1, pruner="none", confirm=1)
    with Processes(0) as processes:
        times, _ = run(work, processes, silent)

    def stop(*_: Any, **__: Any) -> None:
        raise Stopped

    name = {"confirmation": "confirm", "retraining": "retrain_study"}[part]
    monkeypatch.setattr(f"vrtune.searching.search.{name}", stop)
    result = conclude(work, times, stopped=False, progress=silent)
    assert (result.stopped, result.stopped_in, result.retrained) == (True, part, ())
    assert result.best is not None
    assert result.confirmed == (part == "retraining")


def test_ctrl_c_in_the_retraining_stops_it_at_the_next_step(url: str, empty: Path) -> None:
    work = planned(url, trials=1, pruner="none", confirm=0)
    with Processes(0) as processes:
        times, _ = run(work, processes, silent)

    def press(event: Event) -> None:
        if isinstance(event, Retraining) and event.epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)

    result = conclude(work, times, stopped=False, progress=press)
    assert (result.stopped_in, result.retrained) == ("retraining", ())
    assert result.best is not None
