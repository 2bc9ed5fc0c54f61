"""A trial that crashes its process again and again fails; what somebody kills is tried for ever."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import optuna
import psutil
import pytest
from optuna.trial import TrialState

from vrtune import Task, search
from vrtune.events import Event, Finished
from vrtune.storages.opening import open_storage
from vrtune.studies.alive import identity
from vrtune.studies.crashes import MOST, crashed
from vrtune.studies.leases import SEARCH, WORKER, put_back
from vrtune.studies.record import load_study

PID, NAME = 2**22 + 1, "search of a test"  # larger than any process's


def held(study: optuna.Study, *, host: str | None = None) -> optuna.Trial:
    trial = study.ask()
    trial.suggest_float("lr", 0.01, 1.0)
    worker = {**identity(), "pid": PID, SEARCH: NAME}
    trial.set_user_attr(WORKER, {**worker, "host": host} if host else worker)
    return trial


def end(study: optuna.Study, number: int) -> Finished | None:
    """Has the process end by that signal, and what it held put back."""
    said = crashed(study, NAME, PID, number)
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        put_back(study, trial)
    return said


def test_a_trial_that_crashes_its_process_so_often_in_a_row_fails() -> None:
    study = optuna.create_study()
    for _ in range(MOST - 1):
        held(study)
        assert end(study, signal.SIGSEGV) is None
    trial = held(study)
    said = end(study, signal.SIGABRT)
    assert said is not None
    assert (said.number, said.state) == (trial.number, "failed")
    assert said.reason == f"its process crashed {MOST} times in a row (SIGABRT)"
    assert said.params == study.trials[0].params
    assert study.trials[-1].user_attrs["error"] == said.reason
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * MOST


def test_what_somebody_kills_is_tried_for_ever() -> None:
    study = optuna.create_study()
    for number in (signal.SIGSEGV, signal.SIGSEGV, signal.SIGKILL, *[signal.SIGTERM] * MOST):
        held(study)
        assert end(study, number) is None
    held(study)
    assert end(study, signal.SIGSEGV) is None
    assert study.trials[-1].state is TrialState.WAITING


def test_which_one_of_several_crashed_can_not_be_told() -> None:
    study = optuna.create_study()
    for _ in range(MOST + 1):
        held(study), held(study)
        assert end(study, signal.SIGSEGV) is None


def test_another_machines_process_of_that_number_is_another() -> None:
    study = optuna.create_study()
    for _ in range(MOST + 1):
        held(study, host="another")
        assert end(study, signal.SIGSEGV) is None


SPACE = """
import os, pathlib, signal, time
from vrtune import SGD, TrialConfig
seen = pathlib.Path({seen!r})
def suggest(trial):
    lr = trial.suggest_float("lr", 0.01, 1.0)
    if os.getpid() != {parent}:
        if not seen.exists() or seen.read_text().split()[0] == str(lr):
            with seen.open("a") as file: file.write(f"{{lr}} ")
            os.kill(os.getpid(), signal.SIGSEGV)
    elif trial.study.study_name == "s":
        until = time.time() + 60
        while not (seen.exists() and len(seen.read_text().split()) == 3) and time.time() < until:
            time.sleep(0.05)
    return TrialConfig(optimizer=SGD(lr=lr))
"""


@pytest.mark.slow
def test_a_search_goes_on_without_such_a_trial(tmp_path: Path, url: str) -> None:
    (space := tmp_path / "space.py").write_text(
        SPACE.format(seen=str(tmp_path / "seen"), parent=os.getpid())
    )
    events: list[Event] = []
    task = Task(model="softmax", limit=100, folds=2, epochs=2)
    given = {"trials": 6, "jobs": 2, "pruner": "none", "retrain": 0, "start": "off"}
    search(space, task, study="s", storage=url, progress=events.append, **given)
    trials = load_study(open_storage(url), "s", url).get_trials()
    assert Counter(t.state for t in trials) == {TrialState.COMPLETE: 5, TrialState.FAIL: MOST}
    failed = [e for e in events if isinstance(e, Finished) and e.state == "failed"]
    assert [e.reason for e in failed] == [f"its process crashed {MOST} times in a row (SIGSEGV)"]
    assert not psutil.Process().children()
