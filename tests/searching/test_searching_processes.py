"""The processes of a search start early; those that are not needed end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from optuna.trial import TrialState

from vrtune import Task, search
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event, Finished, RoundEnded
from vrtune.searching.processes import Processes
from vrtune.studies.record import load_study
from vrtune.studies.storage import open_storage


def test_an_error_before_work_leaves_no_process(url: str) -> None:
    with pytest.raises(UsageError, match="batch size"):
        search("sgd", Task(limit=20, folds=2, batch_size=64), jobs=2, storage=url)
    assert not psutil.Process().children()


def test_a_process_that_can_not_start_is_an_error(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Processes._start

    def killed(processes: Processes, number: int) -> subprocess.Popen[str]:
        process = start(processes, number)
        process.kill()
        return process

    monkeypatch.setattr(Processes, "_start", killed)
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


def test_of_rounds_heard_at_once_only_the_last_is_passed_on() -> None:
    processes, shown = Processes(0), []
    for number, event in [
        (1, RoundEnded(running=4, lanes=4)),
        (2, RoundEnded(running=3, lanes=4)),
        (1, Finished(number=7, state="pruned")),
        (1, RoundEnded(running=2, lanes=4)),
        (2, RoundEnded(running=1, lanes=4)),
    ]:
        processes.messages.put((number, {"event": event.message()}))
    processes._hear(shown.append)
    assert shown == [
        Finished(number=7, state="pruned", worker=1),
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
import sys
sys.path.append("")  # as in a notebook: the working folder
from vrtune import Task, search
task = Task(model="softmax", folds=2, epochs=1, limit=100)
result = search(sys.argv[1], task, trials=4, jobs=2, lanes=2, fuse="off", study="\\u00e9tude",
                storage=f"sqlite:///{sys.argv[2]}", retrain=0)
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
    for name in ("optuna", "queue", "torch"):  # never imported: others come first
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
