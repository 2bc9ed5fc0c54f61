"""One at a time, among all processes that share a storage.

Nothing is left behind: a lock ends with its process, however that ends. Where there is none to be
had, as on file systems that refuse them, the work goes on without.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import optuna
import sqlalchemy
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from vrtune.errors import VrtuneError

try:
    import fcntl
except ImportError:  # not a Unix
    fcntl = None  # type: ignore[assignment]

WAIT_S = 120.0  # for the others; each holds it for as long as it takes to queue a grid, at most
PAUSE_S = 0.02  # between two tries

_here = threading.RLock()  # for the threads of this process
_held: set[str] = set()  # storages, by whoever has `_here`


@contextmanager
def locked(where: optuna.Study | BaseStorage, what: str) -> Iterator[None]:
    """Holds the lock of a storage inside a `with`; a thread that has it may enter again.

    Args:
        where: a study, or its storage.
        what: what is done inside, as "to queue a grid".
    Raises:
        VrtuneError: others hold it for WAIT_S.
    Example:
        >>> import optuna
        >>> from vrtune.storages.locks import locked
        >>> with locked(optuna.create_study(), "to queue a trial"):
        ...     pass
    """
    storage = where._storage if isinstance(where, optuna.Study) else where
    until = time.monotonic() + WAIT_S

    def wait(take: Callable[[], bool]) -> None:
        while not take():
            if time.monotonic() > until:
                raise VrtuneError(
                    f"other processes have locked the storage for {WAIT_S:.0f} s, which this one "
                    f"needs {what}: end those that hang, or try again"
                )
            time.sleep(PAUSE_S)

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


Wait = Callable[[Callable[[], bool]], None]


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
        elif kind == "postgresql":
            # of a transaction, so that connections may be shared by a pool of the server's
            return name, _in_database(backend.engine, "pg_try_advisory_xact_lock(:key)", wait)
        elif kind in ("mysql", "mariadb"):
            return name, _in_database(backend.engine, "GET_LOCK(:key, 0)", wait)
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
        os.close(handle)


@contextmanager
def _in_database(engine: sqlalchemy.Engine, function: str, wait: Wait) -> Iterator[None]:
    """A lock of a connection of its own, which is closed behind it."""
    digest = hashlib.sha256(f"vrtune {engine.url.database}".encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    key = number if engine.url.get_backend_name() == "postgresql" else f"vrtune {number}"
    with engine.connect() as connection:

        def take() -> bool:
            try:
                got = connection.scalar(sqlalchemy.text(f"SELECT {function}"), {"key": key})
            except sqlalchemy.exc.DBAPIError:  # a server without
                return True
            return bool(got)

        connection.detach()
        wait(take)
        yield
