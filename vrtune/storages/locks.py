"""One at a time, among all processes that share a storage.

Nothing is left behind: a lock ends with its process, however that ends. Where there is none to be
had, as on file systems that refuse them, the work goes on without.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, Protocol, runtime_checkable

import optuna
import sqlalchemy
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from vrtune.errors import VrtuneError
from vrtune.storages.faults import fault, faults
from vrtune.storages.patience import away, before_another_try, lasting

try:
    import fcntl
except ImportError:  # not a Unix
    fcntl = None  # type: ignore[assignment]

WAIT_S = 120.0  # for the others; each holds it for as long as it takes to queue a grid, at most
# PostgreSQL's is of a transaction, so that connections may be shared by a pool of the server's
FUNCTIONS = {
    "postgresql": "pg_try_advisory_xact_lock(:key)",
    "mysql": "GET_LOCK(:key, 0)",
    "mariadb": "GET_LOCK(:key, 0)",
}
LEASE_S = 60.0  # for which a proxy keeps a lock for a process that says nothing
FIRST_S, PAUSE_S = 0.005, 0.1  # between two tries: at first, and later

Wait = Callable[[Callable[[], bool]], None]  # calls until that succeeds

_here = threading.RLock()  # for the threads of this process
_held: set[str] = set()  # storages, by whoever has `_here`


class GivenUp(VrtuneError):
    """Who waited for a lock does not want it any more."""


@contextmanager
def locked(
    where: optuna.Study | BaseStorage, what: str, giving_up: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Holds the lock of a storage inside a `with`; a thread that has it may enter again.

    Args:
        where: a study, or its storage.
        what: what is done inside, as "to queue a grid".
        giving_up: turns true when it is not waited for any more.
    Raises:
        VrtuneError: others hold it for WAIT_S; GivenUp.
    Example:
        >>> import optuna
        >>> from vrtune.storages.locks import locked
        >>> with locked(optuna.create_study(), "to queue a trial"):
        ...     pass
    """
    storage = where._storage if isinstance(where, optuna.Study) else where

    def wait(take: Callable[[], bool]) -> None:
        until, pause = time.monotonic() + WAIT_S, FIRST_S
        while not take():
            if giving_up():
                raise GivenUp(f"the lock was not waited for that is needed {what}")
            if away():  # whoever holds it waits for the storage
                until = time.monotonic() + WAIT_S
            if time.monotonic() > until:
                raise VrtuneError(
                    f"other processes have locked the storage for {WAIT_S:.0f} s, which this one "
                    f"needs {what}: end those that hang, or try again"
                )
            time.sleep(pause)
            pause = min(PAUSE_S, 1.5 * pause)

    wait(lambda: _here.acquire(timeout=1.0))
    try:
        name, lock = _lock_of(storage, wait)
        if name in _held:
            yield
            return
        with lock:
            _held.add(name)
            try:
                yield
            finally:
                _held.discard(name)
    finally:
        _here.release()


def _lock_of(storage: BaseStorage, wait: Wait) -> tuple[str, AbstractContextManager[None]]:
    """What is locked, and its lock."""
    backend = getattr(storage, "_backend", storage)  # of a journal, or inside Optuna's cache
    path: str | None = None
    if isinstance(backend, JournalFileBackend):
        path = backend._file_path
    elif isinstance(backend, RDBStorage):
        url = backend.engine.url
        name, kind = url.render_as_string(hide_password=False), url.get_backend_name()
        if kind == "sqlite":
            path = None if url.database in (None, "", ":memory:") else url.database
        elif kind in FUNCTIONS:
            return name, _in_database(ServerLock(backend.engine, backend.url), wait)
    elif isinstance(backend, Shared):
        return backend.url, _of_proxy(backend, wait)
    if path is None:
        return str(id(backend)), nullcontext()
    # never the file itself: to close it would drop SQLite's own locks
    folder = os.path.dirname(os.path.realpath(path))
    return folder, _of_folder(folder, wait)


@contextmanager
def _of_folder(folder: str, wait: Wait) -> Iterator[None]:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return

    def take() -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without
            pass
        return True

    try:
        if fcntl:
            wait(take)
        yield
    finally:
        if fcntl:
            with suppress(OSError):  # what a user's code has forked meanwhile has the handle, too
                fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


@contextmanager
def _in_database(lock: ServerLock, wait: Wait) -> Iterator[None]:
    """A lock that this thread takes again, where it was cut, before it goes on."""
    take = lambda: lasting(lock.storage, lock.take)  # noqa: E731
    try:
        wait(take)
        with before_another_try(lambda: None if lock.is_held() else wait(take)):
            yield
    finally:
        lock.let_go()


@contextmanager
def _of_proxy(storage: Shared, wait: Wait) -> Iterator[None]:
    """A lock that a proxy keeps for this process, for as long as it says that it lives."""
    token, done = uuid.uuid4().hex, threading.Event()

    def take() -> bool:
        return storage.lock(token)

    def renew() -> None:
        while not done.wait(LEASE_S / 4):
            with suppress(VrtuneError):
                storage.lock(token)

    wait(take)
    try:
        threading.Thread(target=renew, daemon=True).start()
        with before_another_try(lambda: wait(take)):
            yield
    finally:
        done.set()
        with suppress(VrtuneError):
            storage.unlock(token)


@runtime_checkable
class Shared(Protocol):
    """A storage that has a lock for processes that say who they are."""

    url: str

    def lock(self, token: str) -> bool:
        """Whether the lock is to be had now, for LEASE_S seconds from now on."""
        ...

    def unlock(self, token: str) -> None:
        """Gives it back."""
        ...


class ServerLock:
    """A lock in a database server, of a connection of its own, which is closed behind it."""

    def __init__(self, engine: sqlalchemy.Engine, storage: str) -> None:
        """`storage` is the URL as it was given."""
        self.engine, self.storage = engine, storage
        kind = engine.url.get_backend_name()
        digest = hashlib.sha256(f"vrtune {engine.url.database}".encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        self.key = number if kind == "postgresql" else f"vrtune {number}"
        self.text = sqlalchemy.text(f"SELECT {FUNCTIONS[kind]}")
        self.connection: sqlalchemy.Connection | None = None
        self.raw: Any = None  # the driver's

    def take(self) -> bool:
        """Whether it is to be had now. StorageFault if the server is away."""
        with faults(self.storage):
            if self.connection is None:
                self.connection = self.engine.connect()
                self.raw = self.connection.connection.dbapi_connection
                self.connection.detach()
        try:
            return bool(self.connection.scalar(self.text, {"key": self.key}))
        except sqlalchemy.exc.DBAPIError as error:
            if not (cut := fault(self.storage, error)).away:  # a server without
                return True
            self.let_go()
            raise cut from None

    def is_held(self) -> bool:
        """Whether its connection still stands; else it is let go."""
        with suppress(sqlalchemy.exc.SQLAlchemyError):
            if self.connection is not None:
                self.connection.scalar(sqlalchemy.text("SELECT 1"))
                return True
        self.let_go()
        return False

    def let_go(self) -> None:
        """Gives it back."""
        connection, self.connection = self.connection, None
        with suppress(sqlalchemy.exc.SQLAlchemyError):
            if connection is not None:
                connection.close()
        if connection is not None and connection.invalidated:  # one that was cut stays open else
            with suppress(Exception):
                self.raw.close()
