"""The processes of a search start early; those that are not needed end."""

from __future__ import annotations

import signal
import subprocess
import threading
import time

import psutil
import pytest
from optuna.trial import TrialState

from vrtune import Task, search
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event, Finished, RoundEnded
from vrtune.searching.processes import Crew
from vrtune.studies.record import load_study
from vrtune.studies.storage import open_storage


def test_an_error_before_work_leaves_no_process(url: str) -> None:
    with pytest.raises(UsageError, match="batch size"):
        search("sgd", Task(limit=20, folds=2, batch_size=64), jobs=2, storage=url)
    assert not psutil.Process().children()


def test_a_process_that_can_not_start_is_an_error(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Crew._start

    def killed(crew: Crew, number: int) -> subprocess.Popen[str]:
        process = start(crew, number)
        process.kill()
        return process

    monkeypatch.setattr(Crew, "_start", killed)
    with pytest.raises(VrtuneError, match="search process 1 ended with status -9"):
        search("sgd", Task(limit=200, folds=2), jobs=2, study="s", storage=url)
    assert not psutil.Process().children()
    states = [trial.state for trial in load_study(open_storage(url), "s", url).get_trials()]
    assert TrialState.RUNNING not in states


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


def test_of_rounds_heard_at_once_only_the_last_is_told() -> None:
    crew, told = Crew(0), []
    for number, event in [
        (1, RoundEnded(running=4, lanes=4)),
        (2, RoundEnded(running=3, lanes=4)),
        (1, Finished(number=7, state="pruned")),
        (1, RoundEnded(running=2, lanes=4)),
        (2, RoundEnded(running=1, lanes=4)),
    ]:
        crew.messages.put((number, {"event": event.message()}))
    crew._hear(told.append)
    assert told == [
        Finished(number=7, state="pruned", worker=1),
        RoundEnded(running=2, lanes=4, worker=1),
        RoundEnded(running=1, lanes=4, worker=2),
    ]


def test_a_slow_callback_does_not_keep_a_search_from_stopping(url: str) -> None:
    """Others say more than it can take, and it is told to stop all the same."""

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
