"""Storages of all kinds are opened, to write or to read."""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from vrtune.config import Task
from vrtune.errors import UsageError, VrtuneError
from vrtune.storages import sqlite
from vrtune.storages.opening import check_storage, open_storage, open_to_read
from vrtune.studies.alive import identity
from vrtune.studies.leases import reclaim
from vrtune.studies.record import StudyRecord, open_study

RECORD = StudyRecord(task=Task(), space="sgd", fingerprint="0" * 16, data_dir="data", version="0")


def test_sqlite_waits_and_writes_ahead(url: str) -> None:
    storage = open_storage(url)
    engine = storage._backend.engine if hasattr(storage, "_backend") else storage.engine  # type: ignore[attr-defined]
    with engine.connect() as connection:
        ask = lambda name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()  # noqa: E731
        assert (ask("journal_mode"), ask("busy_timeout"), ask("synchronous")) == ("wal", 60000, 1)


@pytest.mark.parametrize("look", [open_to_read, open_storage, check_storage])
def test_a_look_into_a_file_leaves_the_locks_of_another_thread(
    look: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed file drops all locks that its process has on it: the next process that leaves the
    storage removes its log, and the first sees nothing more of it."""
    url = f"sqlite:///{tmp_path}/x.db"
    open_study(open_storage(url), "s", RECORD)
    looked, opened, is_open = threading.Event(), threading.Event(), sqlite._is_open

    def slow(path: Path) -> bool:
        found = is_open(path)
        if threading.current_thread() is looking:
            looked.set()
            opened.wait(0.3)  # for as long as the other thread may need
        return found

    monkeypatch.setattr(sqlite, "_is_open", slow)
    looking = threading.Thread(target=look, args=(url,))
    looking.start()
    looked.wait()
    storage = open_storage(url)
    assert len(storage.get_all_studies()) == 1
    opened.set()
    looking.join()
    other = f"""
import sqlite3
with sqlite3.connect({str(tmp_path / "x.db")!r}) as connection:
    connection.execute("UPDATE studies SET study_name = 't'")
connection.close()
"""
    subprocess.run([sys.executable, "-c", other], check=True)
    assert (tmp_path / "x.db-wal").exists()  # which whoever leaves last removes
    assert [study.study_name for study in storage.get_all_studies()] == ["t"]


def test_a_journal_file_is_a_storage_too(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path / "trials.journal"))
    study = open_study(storage, "s", RECORD)
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    trial.set_user_attr("worker", {**identity(), "started": 1.0})
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


@pytest.mark.parametrize("name", ["x.db", "x.journal"])
def test_a_study_that_is_deleted_while_it_is_used(name: str, tmp_path: Path) -> None:
    study = optuna.create_study(study_name="s", storage=open_storage(tmp_path / name))
    optuna.delete_study(study_name="s", storage=open_storage(tmp_path / name))
    for call in (study.ask, study.get_trials):
        with pytest.raises(VrtuneError, match=r"^the study is gone from .*another program deleted"):
            call()


def test_a_limit_on_files_is_no_damage(url: str) -> None:
    """SQLite itself calls both a disk I/O error."""
    study = optuna.create_study(study_name="s", storage=open_storage(url))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(VrtuneError, match=r"can't be written \(disk I/O error, SQLITE_IOERR"):
            study.set_user_attr("a", 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    study.set_user_attr("a", 2)
    assert study.user_attrs == {"a": 2}
