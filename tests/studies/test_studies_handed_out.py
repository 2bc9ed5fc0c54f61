"""Trials are handed out once, and those of dead processes come back."""

from __future__ import annotations

import subprocess
import sys

import optuna

from vrtune.config import Task
from vrtune.storages.opening import open_storage
from vrtune.studies.alive import identity
from vrtune.studies.counts import Counts, count
from vrtune.studies.leases import put_back, reclaim
from vrtune.studies.record import StudyRecord, open_study

RECORD = StudyRecord(task=Task(), space="sgd", fingerprint="0" * 16, data_dir="data", version="0")

TAKE_ALL = """
import sys
from vrtune.storages.opening import open_storage
from vrtune.studies.record import load_study
from optuna.trial import TrialState
study = load_study(open_storage(sys.argv[1]), "s", sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
while study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
    print(study.ask().number, flush=True)
"""


def states(study: optuna.Study) -> list[str]:
    return [trial.state.name for trial in study.get_trials(deepcopy=False)]


def test_a_waiting_trial_is_handed_out_once(url: str) -> None:
    study = open_study(open_storage(url), "s", RECORD)
    for i in range(24):
        study.enqueue_trial({"x": i})
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE_ALL, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for taker in takers:
        assert taker.stdout
        assert taker.stdout.readline() == "ready\n"
    for taker in takers:
        assert taker.stdin
        taker.stdin.write("go\n")
        taker.stdin.flush()
    taken = [int(n) for taker in takers for n in taker.communicate()[0].split()]
    # a taker that finds the queue just emptied creates a trial of its own, beyond the 24
    queued = [number for number in taken if number < 24]
    assert sorted(queued) == list(range(24))


def test_trials_of_a_dead_process_come_back(url: str) -> None:
    study = open_study(open_storage(url), "s", RECORD)
    mine, dead, elsewhere = (study.ask() for _ in range(3))
    for trial in (mine, dead, elsewhere):
        trial.suggest_float("x", 0, 1)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine.set_user_attr("worker", identity())
    dead.set_user_attr("worker", {**identity(), "pid": gone.pid, "started": 0.0})
    elsewhere.set_user_attr("worker", {"host": "another", "pid": 1, "started": 0.0})
    assert reclaim(study) == 1
    assert states(study) == ["RUNNING", "FAIL", "RUNNING", "WAITING"]
    assert count(study.get_trials()) == Counts(interrupted=1, running=2, queued=1)
    again = study.ask()
    assert again.suggest_float("x", 0, 1) == dead.params["x"]
    assert again.user_attrs["again"] == dead.number
    assert reclaim(study) == 0


def test_a_pid_in_use_by_another_process_is_dead(url: str) -> None:
    study = open_study(open_storage(url), "s", RECORD)
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr("worker", {**identity(), "started": 1.0})
    assert reclaim(study) == 1


def test_put_back_twice_queues_once(url: str) -> None:
    study = open_study(open_storage(url), "s", RECORD)
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    frozen = study.get_trials()[0]
    put_back(study, frozen)
    put_back(study, frozen)
    assert states(study) == ["FAIL", "WAITING"]
