"""The trials that a process holds: signed, kept alive, given up when lost, put back at the end."""

from __future__ import annotations

import time

import optuna
import pytest
from optuna.trial import TrialState

from vrtune.config import Task
from vrtune.studies.leases import OpenTrials, put_back, reclaim, was_queued, worker_identity
from vrtune.studies.record import StudyRecord, open_study
from vrtune.studies.storage import open_storage

RECORD = StudyRecord(task=Task(), space="sgd", fingerprint="0" * 16, data_dir="data", version="0")


@pytest.fixture
def study(url: str) -> optuna.Study:
    return open_study(open_storage(url), "s", RECORD)


def states(study: optuna.Study) -> list[str]:
    return [trial.state.name for trial in study.get_trials(deepcopy=False)]


def test_a_trial_is_signed_when_it_is_taken(study: optuna.Study) -> None:
    trial = OpenTrials(study).take()
    assert study.get_trials()[trial.number].user_attrs == {"worker": worker_identity()}


def test_the_queue_comes_first(study: optuna.Study) -> None:
    study.enqueue_trial({"x": 0.5})
    trials = OpenTrials(study)
    assert [was_queued(trials.take()) for _ in range(2)] == [True, False]


def test_what_is_held_is_put_back_and_what_has_ended_is_not(study: optuna.Study) -> None:
    trials = OpenTrials(study)
    done, mine, also_mine = (trials.take() for _ in range(3))
    for trial in (done, mine, also_mine):
        trial.suggest_float("x", 0, 1)
    study.tell(done, 1.0)
    trials.release(done.number)
    assert trials.put_back() == [mine.number, also_mine.number]
    assert states(study) == ["COMPLETE", "FAIL", "FAIL", "WAITING", "WAITING"]
    assert trials.put_back() == []
    again = [
        trial.params for trial in (trials.take(), trials.take()) if trial.suggest_float("x", 0, 1)
    ]
    assert again == [mine.params, also_mine.params]


def test_a_trial_that_another_process_ended_is_given_up_at_the_next_write(
    study: optuna.Study,
) -> None:
    trials = OpenTrials(study)
    trial = trials.take()
    trial.suggest_float("x", 0, 1)
    put_back(study, study.get_trials()[trial.number])
    assert trials.lost == set()
    with trials.unless_lost(trial.number):
        trial.report(1.0, 1)
        raise AssertionError("the storage took it")
    assert trials.lost == {trial.number}
    assert trials.put_back() == []
    assert states(study) == ["FAIL", "WAITING"]


def test_a_heart_beats_while_it_is_open(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And trials of dead processes are found on the way."""
    monkeypatch.setattr("vrtune.studies.leases.HEARTBEAT_S", 0.01)
    beats: list[int] = []
    with OpenTrials(study) as trials:
        monkeypatch.setattr(trials, "_record_heartbeat", beats.append)
        mine, dead = trials.take(), study.ask()
        for trial in (mine, dead):
            trial.suggest_float("x", 0, 1)
        dead.set_user_attr("worker", {**worker_identity(), "started": 0.0})
        waited = time.monotonic() + 20
        while states(study)[-1] != "WAITING" and time.monotonic() < waited:
            time.sleep(0.01)
    assert len(set(beats)) == 1
    assert states(study) == ["RUNNING", "FAIL", "WAITING"]


@pytest.mark.parametrize(("grace_s", "after"), [(60, ["RUNNING"]), (-1, ["FAIL", "WAITING"])])
def test_a_trial_whose_heart_stopped_is_queued_again(
    url: str, monkeypatch: pytest.MonkeyPatch, grace_s: int, after: list[str]
) -> None:
    monkeypatch.setattr("vrtune.studies.leases.GRACE_S", grace_s)
    study = open_study(open_storage(url), "s", RECORD)
    trial = OpenTrials(study).take()  # which gives the first heartbeat
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr("worker", {"host": "another", "pid": 1, "started": 0.0})
    assert reclaim(study) == (len(after) == 2)
    assert states(study) == after


def test_a_storage_without_heartbeats_will_do() -> None:
    study = optuna.create_study(storage=optuna.storages.InMemoryStorage())
    with OpenTrials(study) as trials:
        trials.take().suggest_float("x", 0, 1)
        assert reclaim(study) == 0
        assert trials.put_back() == [0]
    assert study.get_trials()[0].state is TrialState.FAIL
