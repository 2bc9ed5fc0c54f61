"""SQLite's files: opened for several writers, or read without leaving a trace."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import sqlalchemy

from vrtune.errors import VrtuneError
from vrtune.given.stages import Stage, sweep
from vrtune.storages.files import may_write
from vrtune.storages.tables import empty
from vrtune.storages.urls import Place

OPEN_S, WAIT_S = 20.0, 60.0  # for a lock that another process holds: at first, and later
READING = "vrtune-read-"
MAGIC = b"SQLite format 3\0"
WAL = 2  # the byte of the header that tells a write-ahead log from a rollback journal
ONE_AT_A_TIME = threading.Lock()  # either a connection is made, or a file is looked into


class Connect:
    """Makes connections to a file, in a mode of SQLite's own addresses."""

    def __init__(self, path: Path, mode: str, wait: float | None) -> None:
        self.path, self.mode = path, mode
        self.still = "immutable" in mode  # it sees nothing that is written from now on
        self.file = f"file://{quote(os.path.abspath(os.fsencode(path)))}?mode={mode}"
        self.wait = OPEN_S if wait is None else wait
        self.later = WAIT_S if wait is None else wait

    def __call__(self) -> sqlite3.Connection:
        """One more, which begins no transaction unasked."""
        with ONE_AT_A_TIME:
            connection = sqlite3.connect(
                self.file,
                uri=True,
                timeout=self.wait,
                check_same_thread=False,
                isolation_level=None,
            )
        if self.mode == "rwc":
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        else:
            connection.execute("PRAGMA query_only = 1")
        return connection

    def engine(self) -> sqlalchemy.Engine:
        """An engine for a look at the file."""
        return sqlalchemy.create_engine(
            "sqlite://", creator=self, poolclass=sqlalchemy.pool.NullPool
        )


def url_of(path: Path) -> str:
    """SQLAlchemy's URL of the file."""
    url = sqlalchemy.URL.create("sqlite", database=os.path.abspath(path))
    return url.render_as_string(hide_password=False)


def check_header(place: Place, path: Path, *, create: bool) -> bool:
    """Whether there is something in the file. VrtuneError if that is none."""
    head = _head(path)
    if head is None:
        return True
    if head and not head.startswith(MAGIC):
        raise VrtuneError(
            f"{place} can't be used: it is no SQLite database; give another file with --storage"
        )
    if not head and not create:
        raise empty(place)
    return bool(head)


def _head(path: Path) -> bytes | None:
    """The first bytes of a file; None where this process has it open, with whatever library.

    To read it and close it again would drop the locks that SQLite holds on it: other processes
    would remove the log of what is written next.
    """
    with ONE_AT_A_TIME:
        if _is_open(path):
            return None
        with path.open("rb") as file:
            return file.read(20)


def _is_open(path: Path) -> bool:
    """Whether this process has a file open."""
    file = path.stat()
    for number in os.listdir("/dev/fd"):
        with suppress(OSError):  # the one that lists them
            if os.path.samestat(file, os.fstat(int(number))):
                return True
    return False


def for_writers(place: Place, path: Path) -> Connect:
    """How to write to a file, which is made if it is not there."""
    return Connect(path, "rwc", place.wait)


def tune(engine: sqlalchemy.Engine, connect: Connect) -> None:
    """Long waits for a lock, and BEGIN IMMEDIATE: without it two processes can take the same
    waiting trial."""
    connect.wait = connect.later

    @sqlalchemy.event.listens_for(engine, "begin")
    def _begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # connections made before would wait less


def for_readers(place: Place, path: Path) -> Connect:
    """How to read a file and leave it, and all beside it, as it is."""
    path = path.resolve()  # the log lies beside the file, not beside a link to it
    last: sqlite3.OperationalError | None = None
    for connect in _ways(place, path):
        try:
            connection = connect()
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            finally:
                connection.close()
            return connect
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise
            last = error
    assert last
    raise last


def written(path: Path) -> tuple[tuple[int, int], ...]:
    """When a file and its log were written last, and how long they are."""
    path = path.resolve()
    parts = [part for part in (path, path.with_name(f"{path.name}-wal")) if part.exists()]
    return tuple((s.st_mtime_ns, s.st_size) for s in map(os.stat, parts))


def _ways(place: Place, path: Path) -> Iterator[Connect]:
    """The ways to read a file, the better ones first."""
    ahead = (_head(path) or b"")[18:19] == bytes([WAL])
    log, hot = (path.with_name(path.name + end) for end in ("-wal", "-journal"))
    if ahead and not log.exists():  # nobody has it open
        if may_write(path):
            # what SQLite needs beside it goes with the connection, which would stay with mode=ro
            yield Connect(path, "rw", place.wait)
        yield Connect(path, "ro&immutable=1", place.wait)
    yield Connect(path, "ro", place.wait)
    # what a process that died left in the log can't be read where nothing can be written: elsewhere
    there = Path(tempfile.gettempdir())
    sweep(there, READING)
    stage = Stage(there, READING)
    connect = Connect(stage.path / path.name, "rw", place.wait)
    connect.still = True
    weakref.finalize(connect, stage.close)
    for part in (path, log, hot):
        if part.exists():
            shutil.copyfile(part, stage.path / part.name)
    yield connect
