"""Opens studies.db and every other storage."""

from __future__ import annotations

import re
import sqlite3
import time
import weakref
from pathlib import Path

import sqlalchemy
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalRedisBackend

from vrtune.errors import UsageError, VrtuneError
from vrtune.studies.leases import Database
from vrtune.studies.quiet import experimental, quiet

DEFAULT_URL = "sqlite:///studies.db"
ATTEMPTS = 10  # at making the tables of a fresh database
OPEN_S, WAIT_S = 20, 60  # for a lock that another process holds: at first, and later


@quiet()
def open_storage(url: str, *, create: bool = True) -> BaseStorage:
    """The storage behind an Optuna URL. UsageError or VrtuneError if it can't be opened."""
    journal = url.endswith((".log", ".journal")) and "://" not in url
    path = Path(url) if journal else sqlite_path(url)
    if path is not None and not path.exists():
        if not create:
            raise UsageError(f"there is no {path} here: search first, or give --storage")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder {path.parent} for {path.name}: make it first")
    try:
        storage: BaseStorage
        if journal:
            storage = JournalStorage(JournalFileBackend(url))
        elif url.startswith("redis"):
            storage = JournalStorage(experimental(JournalRedisBackend)(url))
        else:
            storage = _open_database(url, is_file=path is not None)
        storage.get_all_studies()
    except ImportError as error:
        raise VrtuneError(
            f"{url} needs a driver that is not installed ({error.__cause__ or error}): "
            "for PostgreSQL, pip install 'vrtune[postgresql]'"
        ) from None
    except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError):
        raise UsageError(
            f"{url!r} is no storage URL: give one like {DEFAULT_URL} or postgresql://host/name"
        ) from None
    except UsageError:
        raise
    except Exception as error:  # drivers and servers fail in ways of their own
        raise unreadable(url, error) from None
    return storage


@quiet()
def open_for_dashboard(url: str) -> BaseStorage:
    """A storage that exists, opened so that its readers don't hold up a search's writes."""
    storage = open_storage(url, create=False)
    if not isinstance(storage, RDBStorage):
        return storage
    url = storage.engine.url.render_as_string(hide_password=False)
    return _closed_at_the_end(RDBStorage(url, skip_table_creation=True))


def _open_database(url: str, *, is_file: bool) -> RDBStorage:
    for attempt in range(ATTEMPTS):
        try:
            storage = Database(
                _driver(url),
                {"connect_args": {"timeout": OPEN_S}} if is_file else {"pool_pre_ping": True},
            )
            break
        except sqlalchemy.exc.SQLAlchemyError as error:  # another process makes the same tables
            if attempt == ATTEMPTS - 1 or not re.search("already exists|UNIQUE", str(error)):
                raise
            time.sleep(0.2)
    if is_file:
        _tune_sqlite(storage.engine)
    return _closed_at_the_end(storage)


def _closed_at_the_end(storage: RDBStorage) -> RDBStorage:
    """The storage, which closes its connections when nobody has it any more."""
    weakref.finalize(storage, storage.engine.dispose)
    return storage


def unreadable(url: str, error: Exception) -> VrtuneError:
    """One sentence for a database that can't be read or written."""
    cause = str(getattr(error, "orig", None) or error.__cause__ or error).splitlines()[0]
    if "locked" in cause:
        return VrtuneError(f"{url} is locked by another program: close it, or give --storage")
    return VrtuneError(f"{url} can't be used ({cause}): mend or remove it, or give --storage")


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL. UsageError for one in memory: no other process can read it."""
    if not url.startswith("sqlite"):
        return None
    try:
        database = sqlalchemy.engine.make_url(url).database
    except sqlalchemy.exc.ArgumentError:
        return None
    if not database or database == ":memory:":
        raise UsageError(f"{url!r} names no file: give a storage like {DEFAULT_URL}")
    return Path(database)


def _driver(url: str) -> str:
    """PostgreSQL through psycopg 3 unless the URL names another driver."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def _tune_sqlite(engine: sqlalchemy.Engine) -> None:
    """WAL, long waits for a lock, and BEGIN IMMEDIATE: without it two processes can take the
    same waiting trial."""

    @sqlalchemy.event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {1000 * WAIT_S}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    @sqlalchemy.event.listens_for(engine, "begin")
    def _begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # connections made before know nothing of this
