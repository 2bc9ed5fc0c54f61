"""The trials that a process holds: signed, kept alive, given up when lost, put back at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import optuna
import psutil
import pytest
from optuna.trial import TrialState

from vrtune.config import Task
from vrtune.storages.opening import open_storage
from vrtune.studies import alive
from vrtune.studies.alive import identity
from vrtune.studies.leases import OpenTrials, in_doubt, put_back, reclaim, was_queued
from vrtune.studies.record import StudyRecord, open_study

RECORD = StudyRecord(task=Task(), space="sgd", fingerprint="0" * 16, data_dir="data", version="0")


@pytest.fixture
def study(url: str) -> optuna.Study:
    return open_study(open_storage(url), "s", RECORD)


def states(study: optuna.Study) -> list[str]:
    return [trial.state.name for trial in study.get_trials(deepcopy=False)]


def test_a_trial_is_signed_when_it_is_taken(study: optuna.Study) -> None:
    trial = OpenTrials(study).take()
    assert study.get_trials()[trial.number].user_attrs == {"worker": identity()}


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
        monkeypatch.setattr(trials, "_beats", beats.append)
        mine, dead = trials.take(), study.ask()
        for trial in (mine, dead):
            trial.suggest_float("x", 0, 1)
        dead.set_user_attr("worker", {**identity(), "started": 0.0})
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


# ---- who lives -----------------------------------------------------------------------------------


def held(study: optuna.Study, worker: object, x: float = 0.5) -> int:
    """A running trial that was signed so."""
    study.enqueue_trial({"x": x})
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    if worker is not None:
        trial.set_user_attr("worker", worker)
    return trial.number


@contextmanager
def seconds_later(seconds: float) -> Iterator[None]:
    """As this process's own clock says, which is never set."""
    now = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alive.time, "monotonic", lambda: now + seconds)
        yield


@pytest.fixture(params=["sqlite:///{}/studies.db", "{}/studies.journal"])
def shared(request: pytest.FixtureRequest, tmp_path: Any) -> optuna.Study:
    return open_study(open_storage(request.param.format(tmp_path)), "s", RECORD)


def test_a_process_never_judges_its_own_trials(
    shared: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when the clock is set, by which psutil reckons when a process began."""
    held(shared, identity())
    before = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: before + 2, raising=False)
    with seconds_later(1e6):
        assert reclaim(shared) == 0
    assert states(shared) == ["RUNNING"]


@pytest.mark.parametrize(
    "there",
    [
        {"host": "another"},
        {"boot": "another"},
        {"namespace": "another"},
    ],
)
def test_elsewhere_a_trial_is_put_back_when_its_pulse_has_stopped(
    shared: optuna.Study, there: dict[str, str]
) -> None:
    """For as long as this process has watched it, by its own clock."""
    held(shared, {**identity(), **there})
    assert in_doubt(shared)
    assert reclaim(shared) == 0
    with seconds_later(170):
        assert reclaim(shared) == 0
    with seconds_later(190):
        assert reclaim(shared) == 1
        assert not in_doubt(shared)
    assert states(shared) == ["FAIL", "WAITING"]


@pytest.mark.parametrize("sign", ["pulse", "report"])
def test_elsewhere_a_trial_lives_while_it_gives_signs(shared: optuna.Study, sign: str) -> None:
    number = held(shared, {**identity(), "host": "another", "boot": "another"})
    trial_id = shared.trials[number]._trial_id
    for beat in range(4):
        with seconds_later(100 * beat):
            if sign == "pulse":
                shared._storage.set_trial_system_attr(trial_id, "pulse", f"another {beat}")
            else:
                shared._storage.set_trial_intermediate_value(trial_id, beat, 1.0)
            assert reclaim(shared) == 0
    with seconds_later(350):
        assert not in_doubt(shared), "it was seen to live"


def test_in_another_container_of_this_machine_the_last_pulse_is_enough(
    shared: optuna.Study,
) -> None:
    """Their clocks are one: a process that has just begun need not watch."""
    trial = OpenTrials(shared).take()
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr("worker", {**identity(), "namespace": "another"})
    assert not in_doubt(shared)
    with seconds_later(190):
        alive._seen.clear()
        assert reclaim(shared) == 1


def test_a_trial_that_nobody_signed_is_given_time_by_the_own_clock(shared: optuna.Study) -> None:
    """And not by those of two machines: it may be signed in this moment."""
    shared.enqueue_trial({"x": 0.5})
    shared.ask()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: 2e9)
        assert reclaim(shared) == 0
    with seconds_later(91):
        assert reclaim(shared) == 1


def test_a_trial_that_another_program_runs_is_left_to_it(shared: optuna.Study) -> None:
    """It may take hours, and gives no sign."""
    held(shared, None)
    assert not in_doubt(shared)
    with seconds_later(9999):
        assert reclaim(shared) == 0
    assert shared.tell(0, 1.0).value == 1.0


@pytest.mark.parametrize("worker", ["x", 3, [], {}, {"host": "here"}, {"pid": {}}])
def test_a_signature_that_is_none(shared: optuna.Study, worker: object) -> None:
    held(shared, worker)
    assert reclaim(shared) == 0
    with seconds_later(91):
        assert reclaim(shared) == 1


# ---- killed on the way ---------------------------------------------------------------------------


class Killed(BaseException):
    """What ends a process, wherever it is."""


def writes(number: int, *, done: bool) -> pytest.MonkeyPatch:
    """Ends this process at the n-th write to any storage, before or after it."""
    patch, count = pytest.MonkeyPatch(), 0
    kind = optuna.storages._cached_storage._CachedStorage
    for name in ("set_trial_user_attr", "set_trial_state_values", "create_new_trial"):
        original = getattr(kind, name)

        def write(*given: Any, original: Any = original, **named: Any) -> Any:
            nonlocal count
            count += 1
            if count == number and not done:
                raise Killed
            result = original(*given, **named)
            if count == number:
                raise Killed
            return result

        patch.setattr(kind, name, write)
    return patch


def settings(study: optuna.Study) -> dict[float, int]:
    """How often each setting is running, queued or complete."""
    ends = [t for t in study.get_trials() if t.state is not TrialState.FAIL]
    return Counter({**t.system_attrs.get("fixed_params", {}), **t.params}["x"] for t in ends)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("number", range(1, 8))
def test_killed_while_it_puts_back_no_setting_is_lost_and_none_doubled(
    study: optuna.Study, number: int, *, done: bool
) -> None:
    dead = {**identity(), "started": 0}
    for x in (0.25, 0.5):
        held(study, dead, x)
    patch = writes(number, done=done)
    try:
        with pytest.raises(Killed) if number < 7 else nullcontext():
            reclaim(study)
    finally:
        patch.undo()
    for _ in range(2):
        reclaim(study)
        assert settings(study) == {0.25: 1, 0.5: 1}


def test_what_a_killed_process_left_is_repaired_once_by_two(study: optuna.Study) -> None:
    """One that was about to queue it, and one that finds that nobody did."""
    held(study, {**identity(), "started": 0})
    other = open_study(open_storage(study._storage._backend.url), "s", RECORD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vrtune.studies.leases._queue_again", lambda *_: None)
        assert reclaim(study) == 1
    assert states(study) == ["FAIL"]
    assert [reclaim(study), reclaim(other), reclaim(study)] == [0, 0, 0]
    assert states(study) == ["FAIL", "WAITING"]


def test_a_trial_that_was_cut_off_without_settings_is_not_repeated(study: optuna.Study) -> None:
    trial = study.ask()
    trial.set_user_attr("cut off", True)
    study.tell(trial, state=TrialState.FAIL)
    reclaim(study)
    assert states(study) == ["FAIL"]


@pytest.mark.parametrize("again", [[], {}, "0", None, 7])
def test_a_repeat_of_nothing_repeats_nothing(study: optuna.Study, again: object) -> None:
    held(study, {**identity(), "started": 0})
    study.enqueue_trial({"x": 1.0}, user_attrs={"again": again})
    assert reclaim(study) == 1
    assert states(study) == ["FAIL", "WAITING", "WAITING"]
