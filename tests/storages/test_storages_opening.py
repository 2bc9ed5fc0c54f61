"""Storages: trials are handed out once, those of dead processes come back, tasks are kept apart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from vrtune.config import Task
from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.opening import open_storage
from vrtune.studies.counts import Counts, count
from vrtune.studies.leases import put_back, reclaim, worker_identity
from vrtune.studies.record import StudyRecord, load_study, open_study

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
    mine.set_user_attr("worker", worker_identity())
    dead.set_user_attr("worker", {**worker_identity(), "pid": gone.pid, "started": 0.0})
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
    trial.set_user_attr("worker", {**worker_identity(), "started": 1.0})
    assert reclaim(study) == 1


def test_put_back_twice_queues_once(url: str) -> None:
    study = open_study(open_storage(url), "s", RECORD)
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    frozen = study.get_trials()[0]
    put_back(study, frozen)
    put_back(study, frozen)
    assert states(study) == ["FAIL", "WAITING"]


def test_sqlite_waits_and_writes_ahead(url: str) -> None:
    storage = open_storage(url)
    engine = storage._backend.engine if hasattr(storage, "_backend") else storage.engine  # type: ignore[attr-defined]
    with engine.connect() as connection:
        ask = lambda name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()  # noqa: E731
        assert (ask("journal_mode"), ask("busy_timeout"), ask("synchronous")) == ("wal", 60000, 1)


def test_another_task_lists_the_differences(url: str) -> None:
    storage = open_storage(url)
    open_study(storage, "s", RECORD)
    assert open_study(storage, "s", RECORD).study_name == "s"
    other = RECORD.model_copy(update={"task": Task(epochs=3, seed=2), "data_dir": "elsewhere"})
    with pytest.raises(UsageError, match=r"epochs was 20, now 3; seed was 1, now 2\)"):
        open_study(storage, "s", other)


def test_unknown_study_names_those_there_are(url: str) -> None:
    storage = open_storage(url)
    with pytest.raises(UsageError, match="it holds none yet"):
        load_study(storage, "t", url)
    open_study(storage, "s", RECORD)
    with pytest.raises(UsageError, match="it holds s"):
        load_study(storage, "t", url)


def test_a_journal_file_is_a_storage_too(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path / "trials.journal"))
    study = open_study(storage, "s", RECORD)
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr("worker", {**worker_identity(), "started": 1.0})
    assert reclaim(study) == 1
    assert study.get_trials()[0].state is TrialState.FAIL


def test_nothing_is_made_where_nothing_is_created(tmp_path: Path) -> None:
    for name in ("sqlite:///{}/x.db", "sqlite:///{}/x.db?timeout=5", "{}/x.log"):
        url = name.format(tmp_path)
        with pytest.raises(UsageError, match="search first"):
            open_storage(url, create=False)
        with pytest.raises(UsageError, match="make it first"):
            open_storage(name.format(tmp_path / "none"))
    assert not list(tmp_path.iterdir())
    assert open_storage(f"sqlite:///{tmp_path}/x.db?timeout=5").get_all_studies() == []


def test_trials_are_counted_by_how_they_ended() -> None:
    study = open_study(optuna.storages.InMemoryStorage(), "s", RECORD)
    assert str(count([])) == "0 complete, 0 pruned"
    done, pruned, wrong, cut_off, without = (study.ask() for _ in range(5))
    study.tell(done, 1.0)
    study.tell(pruned, state=TrialState.PRUNED)
    study.tell(wrong, state=TrialState.FAIL)
    cut_off.suggest_float("x", 0, 1)
    for _ in range(2):  # the second time it is another one that repeats it
        put_back(study, study.get_trials()[cut_off.number])
        cut_off = study.ask()
        cut_off.suggest_float("x", 0, 1)
    put_back(study, study.get_trials()[without.number])  # before it had parameters
    counts = Counts(complete=1, pruned=1, failed=1, interrupted=3, running=1)
    assert count(study.get_trials()) == counts
    assert str(counts) == "1 complete, 1 pruned, 1 failed, 3 interrupted, 1 running"


@pytest.mark.parametrize("name", ["x.db", "x.journal"])
def test_a_study_that_is_deleted_while_it_is_used(name: str, tmp_path: Path) -> None:
    study = optuna.create_study(study_name="s", storage=open_storage(tmp_path / name))
    optuna.delete_study(study_name="s", storage=open_storage(tmp_path / name))
    for call in (study.ask, study.get_trials):
        with pytest.raises(VrtuneError, match=r"^the study is gone from .*another program deleted"):
            call()
