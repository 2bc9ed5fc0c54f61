"""The processes of a search start early; those that are not needed end."""

from __future__ import annotations

import subprocess
import threading
import time

import psutil
import pytest
from optuna.trial import TrialState

from vrtune import Task, search
from vrtune.crew import Crew
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event
from vrtune.storage import open_storage
from vrtune.studies import load_study


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
