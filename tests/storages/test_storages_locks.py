"""The lock of a storage: one at a time, whatever becomes of those that hold it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
import sqlalchemy

from vrtune.errors import VrtuneError
from vrtune.storages import locks
from vrtune.storages.locks import locked
from vrtune.storages.opening import open_storage

HOLDS = """
import sys, time
from vrtune.storages.locks import locked
from vrtune.storages.opening import open_storage
with locked(open_storage(sys.argv[1]), "to try it"):
    print("holds", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture(params=["sqlite:///{}/studies.db", "{}/studies.journal"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.param.format(tmp_path))


def holder(url: str, seconds: float) -> subprocess.Popen[str]:
    """A process that has the lock."""
    command = [sys.executable, "-c", HOLDS, url, str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "holds\n"
    return process


def test_another_process_waits_and_nothing_is_left_behind(
    shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(shared)
    before = {path.name for path in tmp_path.iterdir()}
    process = holder(shared, 60)
    monkeypatch.setattr(locks, "WAIT_S", 0.2)
    with (
        pytest.raises(VrtuneError, match=r"locked the storage for 0 s, .* needs to queue a grid"),
        locked(storage, "to queue a grid"),
    ):
        raise AssertionError("both have it")
    process.kill()  # however a process ends, its lock ends with it
    process.communicate()
    with locked(storage, "to try it"):
        pass
    left = {path.name for path in tmp_path.iterdir()} - before
    assert {name for name in left if not name.endswith(("-wal", "-shm"))} == set()


def test_a_study_has_the_lock_of_its_storage(shared: str) -> None:
    storage = open_storage(shared)
    study = optuna.create_study(storage=storage)
    with locked(study, "to try it"), locked(storage, "again"), locked(open_storage(shared), "too"):
        pass


def test_threads_wait_for_each_other() -> None:
    study, inside, most = optuna.create_study(), 0, 0

    def work() -> None:
        nonlocal inside, most
        with locked(study, "to try it"):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_folder_that_gives_no_lock_will_do(shared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems refuse it."""

    def refuse(*_: object) -> None:
        raise OSError(9, "Bad file descriptor")

    storage = open_storage(shared)
    monkeypatch.setattr(locks.fcntl, "flock", refuse)
    with locked(storage, "to try it"):
        pass
    monkeypatch.setattr(locks.os, "open", refuse)
    with locked(storage, "to try it"):
        pass


class Server:
    """Stands for a MySQL server that has given the lock to another `busy` times."""

    url = sqlalchemy.engine.make_url("mysql+pymysql://host/studies")
    connection = SimpleNamespace(dbapi_connection=None)
    invalidated = False

    def __init__(self, busy: int, error: Exception | None = None) -> None:
        self.busy, self.error, self.said, self.detached = busy, error, [], False

    def connect(self) -> Server:
        return self

    def detach(self) -> None:
        self.detached = True

    def close(self) -> None:
        assert self.detached, "or the connection would keep the lock"

    def scalar(self, statement: object, given: dict[str, object]) -> int:
        self.said.append((str(statement), given["key"]))
        if self.error:
            raise self.error
        self.busy -= 1
        return int(self.busy < 0)


def test_a_database_server_is_asked_for_a_lock_of_its_own() -> None:
    server = Server(busy=2)

    def wait(take: Any) -> None:
        while not take():
            pass

    with locks._in_database(locks.ServerLock(server, "mysql://host"), wait):  # type: ignore[arg-type]
        pass
    ((statement, key),) = set(server.said)
    assert (statement, len(server.said)) == ("SELECT GET_LOCK(:key, 0)", 3)
    assert isinstance(key, str)
    assert len(key) < 64
    without = Server(busy=9, error=sqlalchemy.exc.OperationalError("", {}, Exception("no such")))
    with locks._in_database(locks.ServerLock(without, "mysql://host"), wait):  # type: ignore[arg-type]
        pass


def test_what_was_forked_meanwhile_holds_no_lock(shared: str) -> None:
    """It has a copy of the handle, and lives on."""
    forks = HOLDS.replace("time.sleep", "import os\n    if os.fork() == 0: time.sleep")
    command = [sys.executable, "-c", forks, shared, "30"]
    done = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        assert done.wait(20) == 0
        began = time.monotonic()
        with locked(open_storage(shared), "to try it"):
            pass
        assert time.monotonic() - began < 10
    finally:
        os.killpg(done.pid, signal.SIGKILL)
