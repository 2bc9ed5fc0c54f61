"""A storage that is away for a while is waited for, and nothing is stored twice or lost."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.exceptions import DuplicatedStudyError
from optuna.trial import TrialState

from vrtune.events import Event, Noted
from vrtune.storages import patience
from vrtune.storages.faults import StorageFault
from vrtune.storages.opening import Tables, open_storage
from vrtune.storages.patience import away, back_for, before_another_try, hurry, lasting, patient
from vrtune.studies.folds import report_folds
from vrtune.studies.leases import CUT_OFF, OpenTrials, put_back

URL = "postgresql://me:secret@host/name"
AWAY = "server closed the connection unexpectedly"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_S", 0.001)
    monkeypatch.setattr(patience, "MOST_S", 0.01)
    monkeypatch.setattr(patience, "TOLD_S", 0.0)


class Absent:
    """A call that fails so many times, or until it is told to answer."""

    def __init__(self, times: float = float("inf"), words: str = "does not answer") -> None:
        self.left, self.words, self.calls = times, words, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls > self.left:
            return "answer"
        raise StorageFault("it is away", self.words)


def test_a_storage_is_waited_for_and_that_is_said_once() -> None:
    said: list[Event] = []
    with patient(said.append):
        assert lasting(URL, Absent(5)) == "answer"
        assert back_for() < 1.0
    gone, back = said
    assert isinstance(gone, Noted)
    assert isinstance(back, Noted)
    assert gone.text.startswith("postgresql://me:***@host/name does not answer since ")
    assert gone.text.endswith(": it is tried for 10 minutes")
    assert "answers again (" in back.text


def test_a_part_of_a_call_that_asks_nobody_is_no_answer() -> None:
    """Or the storage would be away anew with every try, and never long enough to be told."""
    said: list[Event] = []
    absent = Absent(4)

    def call() -> str:
        lasting(URL, lambda: "what is known here")
        return absent()

    with patient(said.append):
        assert lasting(URL, call) == "answer"
    assert len(said) == 2


def test_what_will_not_pass_is_told_at_once() -> None:
    said: list[Event] = []
    with patient(said.append), pytest.raises(StorageFault):
        lasting(URL, Absent(1, words=""))
    assert not said


@pytest.mark.parametrize("told", [True, False])
def test_patience_ends(told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for all calls that come later: each would wait as long."""
    monkeypatch.setattr(patience, "PATIENT_S", 0.05)
    monkeypatch.setattr(patience, "SILENT_S", 0.05)
    call = Absent()

    def twice() -> None:
        began = time.monotonic()
        with pytest.raises(StorageFault):
            lasting(URL, call)
        assert time.monotonic() - began > 0.04
        assert not away()
        calls = call.calls
        with pytest.raises(StorageFault):
            lasting(URL, call)
        assert call.calls == calls + 1

    if told:
        with patient(lambda event: None):
            twice()
    else:
        monkeypatch.setattr(patience, "_since", {})
        twice()


def test_who_is_to_end_does_not_wait_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HURRIED_S", 0.02)
    with patient(lambda event: None):
        threading.Timer(0.05, hurry).start()
        began = time.monotonic()
        with pytest.raises(StorageFault):
            lasting(URL, Absent())
        assert 0.04 < time.monotonic() - began < 5.0
    with patient(lambda event: None):  # that was another work
        assert lasting(URL, Absent(20)) == "answer"


def test_others_see_that_it_is_away() -> None:
    call, seen = Absent(), []
    with patient(lambda event: None):
        thread = threading.Thread(target=lambda: seen.append(lasting(URL, call)))
        thread.start()
        while not away():
            time.sleep(0.001)
        call.left = 0
        thread.join()
        assert seen == ["answer"]
        assert not away()


def test_a_lock_is_taken_again_before_another_try() -> None:
    done: list[str] = []
    with patient(lambda event: None):
        with before_another_try(lambda: done.append(lasting("another", Absent(1)))):
            lasting(URL, Absent(2))
        lasting(URL, Absent(1))
    assert done == ["answer", "answer"]  # its own tries prepare nothing


# ---- faults at each point of what a search does ------------------------------------------------


class Faulty:
    """Breaks one of all statements and commits; a commit also after it was done."""

    def __init__(self, storage: Tables, *, statements: bool) -> None:
        self.at, self.point, self.commit = -1, 0, storage.engine.dialect.do_commit
        storage.engine.dialect.do_commit = self._commit  # type: ignore[method-assign]
        if statements:
            sqlalchemy.event.listen(storage.engine, "do_execute", self._execute)

    def begin(self, at: int) -> None:
        self.at, self.point = at, 0

    def _pass(self) -> None:
        self.point += 1
        if self.point == self.at:
            raise sqlite3.OperationalError(AWAY)

    def _execute(self, *_: object) -> None:
        self._pass()

    def _commit(self, connection: Any) -> None:
        self._pass()
        self.commit(connection)
        self._pass()


def search(study: optuna.Study) -> None:
    """What a search asks of its storage."""
    study.sampler = optuna.samplers.RandomSampler(seed=1)
    study.set_user_attr("a", {"b": [1]})
    for lr in (0.5, 0.5):  # alike, and still two
        study.enqueue_trial({"lr": lr})
    trials = OpenTrials(study)
    for _ in range(4):
        trial = trials.take()
        trial.suggest_float("lr", 0.0, 1.0)
        trial.set_user_attr("config", {"number": trial.number})
        if trial.number < 3:
            report_folds(trial, [0.1, 0.3], 1)
    study.tell(0, 0.25)
    study.tell(1, state=TrialState.PRUNED)
    put_back(study, study.trials[2])
    trials.take().suggest_float("lr", 0.0, 1.0)  # the one that was put back


def kept(study: optuna.Study) -> list[Any]:
    """What a study then holds, without times and processes."""
    names = ("config", "again", CUT_OFF)
    return [
        (
            trial.number, trial.state, trial.params, trial.values, trial.intermediate_values,
            trial.system_attrs.get("fixed_params"),
            {name: trial.user_attrs.get(name) for name in names},
        )
        for trial in study.trials
    ]  # fmt: skip


def break_points(path: Path, *, statements: bool, step: int = 1) -> int:
    """Breaks each in turn, or one in `step`; returns how many there are."""
    storage = open_storage(path)
    assert isinstance(storage, Tables)
    faulty = Faulty(storage, statements=statements)

    def run(name: str, at: int) -> list[Any]:
        study = optuna.create_study(study_name=name, storage=storage)
        faulty.begin(at)
        search(study)
        faulty.at = -1
        return kept(study)

    whole = run("whole", -1)
    points = faulty.point
    with patient(lambda event: None):
        for at in range(1, points + 1, step):
            assert run(f"broken at {at}", at) == whole, at
    return points


def test_nothing_is_lost_or_doubled_at_some_points(tmp_path: Path) -> None:
    assert break_points(tmp_path / "studies.db", statements=False, step=27) > 100


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_at_any_point(tmp_path: Path) -> None:
    assert break_points(tmp_path / "studies.db", statements=True) > 200


def test_studies_are_made_and_deleted_once(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "studies.db")
    assert isinstance(storage, Tables)
    faulty = Faulty(storage, statements=False)
    minimize = [optuna.study.StudyDirection.MINIMIZE]
    calls: list[Callable[[], object]] = [
        lambda: storage.create_new_study(minimize, "s"),
        lambda: storage.delete_study(storage.get_study_id_from_name("s")),
        lambda: storage.create_new_study(minimize),
    ]
    for call in calls:
        before = len(storage.get_all_studies())
        faulty.begin(2 if call is not calls[1] else 4)  # after it was stored
        call()
        faulty.at = -1
        assert abs(len(storage.get_all_studies()) - before) == 1
    kept_id = storage.create_new_study(minimize, "kept")
    storage.set_study_user_attr(kept_id, "a", 1)
    with pytest.raises(DuplicatedStudyError):
        storage.create_new_study(minimize, "kept")
