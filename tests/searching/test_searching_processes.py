"""The processes of a search start early; those that are not needed end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import psutil
import pytest
import torch
from optuna.trial import TrialState

from vrtune import Task, search
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event, Finished, Noted, RoundEnded, Stepped
from vrtune.lanes.shortage import NoMemory
from vrtune.searching import processes
from vrtune.searching.process import Process
from vrtune.searching.processes import Processes
from vrtune.searching.replacing import IN_A_ROW
from vrtune.storages.opening import open_storage
from vrtune.studies.record import load_study
from vrtune.studies.searches import read_searches


def test_an_error_before_work_leaves_no_process(url: str) -> None:
    with pytest.raises(UsageError, match="batch size"):
        search("sgd", Task(limit=20, folds=2, batch_size=64), jobs=2, storage=url)
    assert not psutil.Process().children()


REPLACED = "another takes its place, and its trials are continued"
LOST = "its trials are queued again, and 1 process goes on"
TASK = Task(model="softmax", limit=100, folds=2, epochs=2)
BY_CASE = """
import os, pathlib, signal, sys, time
from vrtune import SGD, TrialConfig
began = pathlib.Path({began!r})
def suggest(trial):
    if os.getpid() != {parent}:
        began.touch()
        {act}
    else:
        asked_for = trial.study.study_name in "st"  # not by the look at the space before
        until = time.time() + {wait_s} * asked_for
        while not began.exists() and time.time() < until:
            time.sleep(0.05)
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 0.01, 1.0)))
"""


def run(tmp_path: Path, url: str, act: str, wait_s: float = 60.0, **given: Any) -> list[Event]:
    """A search of two processes: the other one does `act` for each of its trials; this one waits
    for its first."""
    space, events, began = tmp_path / "space.py", list[Event](), str(tmp_path / "began")
    space.write_text(BY_CASE.format(parent=os.getpid(), act=act, began=began, wait_s=wait_s))
    settings = {"trials": 8, "jobs": 2, "pruner": "none", "retrain": 0, "study": "s"}
    search(space, TASK, storage=url, progress=events.append, **{**settings, **given})
    return events


def states(url: str) -> Counter[TrialState]:
    trials = load_study(open_storage(url), "s", url).get_trials()
    return Counter(trial.state for trial in trials)


def notes(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Noted)]


def killing(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of processes that are started from now on: each is killed at once."""
    start, started = Processes._start, list[int]()

    def killed(several: Processes, number: int) -> Process:
        process = start(several, number)
        started.append(process.pid)
        process.kill()
        return process

    monkeypatch.setattr(Processes, "_start", killed)
    return started


def test_processes_that_are_killed_one_after_another_are_done_without_in_the_end(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = killing(monkeypatch)
    events = run(tmp_path, url, "pass", wait_s=0.0, trials=3)
    assert 2 <= len(started) <= 1 + IN_A_ROW  # as often as there is something left to do
    said = [f"search process 1 was killed (signal 9): {end}" for end in (REPLACED, LOST)]
    assert notes(events) == said[: len(notes(events))]  # what is said again is shown once
    assert not psutil.Process().children()
    assert states(url) == {TrialState.COMPLETE: 3}


@pytest.mark.parametrize("act", ["SIGKILL", pytest.param("SIGTERM", marks=pytest.mark.slow)])
def test_another_takes_the_place_of_a_process_that_is_killed(
    tmp_path: Path, url: str, act: str
) -> None:
    number, mark = signal.Signals[act].value, tmp_path / "killed"
    die = f"os.kill(os.getpid(), {number})"
    act = (  # and this process waits for the other's first trial once more
        f"trial.suggest_float('lr', 0.01, 1.0); mark = pathlib.Path({str(mark)!r})\n"
        f"        if not mark.exists(): mark.touch(); began.unlink(); {die}"
    )
    events = run(tmp_path, url, act)
    assert notes(events) == [f"search process 1 was killed (signal {number}): {REPLACED}"]
    assert {event.worker for event in events if isinstance(event, Finished)} == {0, 1}
    assert states(url) == {TrialState.COMPLETE: 8, TrialState.FAIL: 1}
    (entry,) = read_searches(load_study(open_storage(url), "s", url))
    assert entry.ran == 9


@pytest.mark.slow
def test_the_trials_of_a_process_that_ends_before_its_time_are_run_by_others(
    tmp_path: Path, url: str
) -> None:
    events = run(tmp_path, url, "trial.suggest_float('lr', 0.01, 1.0); os._exit(0)")
    assert notes(events) == [f"search process 1 ended: {LOST}"]
    assert states(url) == {TrialState.COMPLETE: 8, TrialState.FAIL: 1}


def test_a_process_without_memory_is_done_without(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also this one: the other does it all."""
    monkeypatch.setattr(processes, "run_job", Mock(side_effect=NoMemory("there is no memory")))
    events = run(tmp_path, url, "pass", trials=4)
    said = "there is no memory: its trials are queued again, and 1 process goes on"
    assert notes(events) == [said]
    assert states(url) == {TrialState.COMPLETE: 4}


def test_a_process_that_fails_ends_the_search(tmp_path: Path, url: str) -> None:
    with pytest.raises(VrtuneError, match="search process 1 ended with status 3"):
        run(tmp_path, url, "os._exit(3)", trials=100)
    with pytest.raises(UsageError, match="3 trials in a row failed"):
        run(tmp_path, url, "raise ValueError", trials=100, study="t")
    assert TrialState.RUNNING not in states(url)


def test_what_a_space_starts_in_a_process_holds_nobody_up(tmp_path: Path, url: str) -> None:
    """It has no part of what the processes say to each other, and reads nothing."""
    over = tmp_path / "over"
    wait = f"[time.sleep(0.1) for _ in range(1200) if not os.path.exists({str(over)!r})]"
    act = (
        f"if os.fork() == 0: {wait}; os._exit(0)\n"
        "        assert sys.stdin.read() == ''; print('x' * 100_000); os.write(1, b'{}')"
    )
    began = time.monotonic()
    try:
        events = run(tmp_path, url, act, trials=4)
    finally:
        over.touch()
    assert {event.worker for event in events} == {0, 1}
    assert states(url) == {TrialState.COMPLETE: 4}
    assert time.monotonic() - began < 100


def test_a_system_that_starts_no_other_process_is_an_error(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Mock(side_effect=BlockingIOError(11, "Resource temporarily unavailable"))
    monkeypatch.setattr("vrtune.searching.process._start", full)
    with pytest.raises(VrtuneError, match=r"search process 1 can't be started .* fewer --jobs"):
        search("sgd", TASK, jobs=2, storage=url)


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="the other process finds its GPU")
def test_each_process_trains_on_its_own_gpu(
    url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The other one of two is told of the second, which is not there."""
    devices = (torch.device("cpu"), torch.device("cuda", 1))
    monkeypatch.setattr("vrtune.searching.prepare.choose_devices", lambda device: devices)
    with pytest.raises(VrtuneError, match="search process 1 ended with status 1"):
        search("sgd", TASK, trials=1000, jobs=2, retrain=0, storage=url)
    assert re.search("NVIDIA|CUDA", capfd.readouterr().err)


def test_events_come_in_the_thread_that_searches(url: str) -> None:
    threads, workers = set(), set()

    def note(event: Event) -> None:
        time.sleep(0.05 if event.worker == 0 else 0)  # leaves the other one some trials
        threads.add(threading.current_thread())
        workers.add(event.worker)

    search(
        "sgd",
        Task(limit=200, folds=2, epochs=4),
        trials=30,
        jobs=2,
        lanes=2,
        fuse="off",
        retrain=0,
        storage=url,
        progress=note,
    )
    assert threads == {threading.current_thread()}
    assert workers == {0, 1}


def test_of_rounds_heard_at_once_only_the_last_is_passed_on() -> None:
    several, shown = Processes(0), []
    for number, event in [
        (1, RoundEnded(running=4, lanes=4)),
        (2, RoundEnded(running=3, lanes=4)),
        (1, Finished(number=7, state="pruned")),
        (1, Stepped(trial=8, epoch=1, step=2, steps=9)),
        (1, Stepped(trial=8, epoch=1, step=3, steps=9)),
        (1, RoundEnded(running=2, lanes=4)),
        (2, RoundEnded(running=1, lanes=4)),
    ]:
        several.messages.put((number, {"event": event.message()}))
    several._hear(shown.append)
    assert shown == [
        Finished(number=7, state="pruned", worker=1),
        Stepped(trial=8, epoch=1, step=3, steps=9, worker=1),
        RoundEnded(running=2, lanes=4, worker=1),
        RoundEnded(running=1, lanes=4, worker=2),
    ]


def test_a_slow_callback_does_not_keep_a_search_from_stopping(url: str) -> None:
    """Others say more than it can take, and it stops all the same."""

    asked = False

    def note(event: Event) -> None:
        nonlocal asked
        time.sleep(0.03)
        if event.worker == 1 and not asked:
            asked = True
            signal.raise_signal(signal.SIGINT)

    task = Task(model="softmax", limit=200, folds=2, epochs=5000)
    found = search("sgd", task, trials=4, jobs=2, pruner="none", storage=url, progress=note)
    assert found.stopped


SCRIPT = """
import queue, statistics, sys
import optuna, torch
sys.path[:0] = ["", "a:b"]  # as in a notebook: the working folder, after much was imported
from vrtune import Task, search
task = Task(model="softmax", folds=2, epochs=1, limit=100)
result = search(sys.argv[1], task, trials=4, jobs=2, lanes=2, fuse="off", study="\\u00e9tude",
                storage=f"sqlite:///{sys.argv[2]}", retrain=0, progress=False)
assert result.trials.complete + result.trials.pruned == 4
"""
SPACE = """
import beside
from vrtune import SGD, TrialConfig
def suggest(trial):
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", beside.LEAST, 1.0)))
"""


def test_a_process_imports_what_its_parent_does_and_reads_what_it_writes(tmp_path: Path) -> None:
    """Whatever modules are called in the working folder, and whatever the locale."""
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    for folder in (elsewhere, here):
        folder.mkdir()
    (elsewhere / "script.py").write_text(SCRIPT)
    (elsewhere / "space.py").write_text(SPACE)
    (here / "beside.py").write_text("LEAST = 0.01")
    for name in ("optuna", "queue", "statistics", "torch"):  # never imported: others were
        (here / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, elsewhere / "script.py", elsewhere / "space.py", tmp_path / "studies.db"],
        cwd=here,
        env={**os.environ, **ascii_only},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
