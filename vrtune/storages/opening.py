"""Opens studies.db and every other storage: to write to it, or only to read."""

from __future__ import annotations

import re
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy.exc
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState

from vrtune.errors import VrtuneError
from vrtune.storages import servers, sqlite, tables
from vrtune.storages.database import Database
from vrtune.storages.faults import faults, plain
from vrtune.storages.files import check_file
from vrtune.storages.journal import open_journal
from vrtune.storages.lasting import Lasting, patiently
from vrtune.storages.patience import lasting
from vrtune.storages.quiet import quiet
from vrtune.storages.urls import DEFAULT_URL, Place, sqlite_path, understand

__all__ = [
    "DEFAULT_URL", "check_storage", "is_outdated", "open_for_dashboard", "open_storage",
    "open_to_read", "sqlite_path",
]  # fmt: skip

ATTEMPTS = 10  # at making the tables of a fresh database

Opened = TypeVar("Opened", bound=RDBStorage)


@plain
class _Plain(Database):
    pass


@patiently
class Tables(Lasting, _Plain):
    """Optuna's database, to be written to."""

    def _newest(self, study_id: int) -> int:
        return self.newest(study_id)

    def _add(self, study_id: int, template: FrozenTrial) -> FrozenTrial:
        return super().add(study_id, template)  # not `self`: that would try again by itself

    def _start(self, trial_id: int, at: datetime) -> bool:
        return super().start(trial_id, at)

    def _started(self, trial: FrozenTrial, at: datetime) -> bool | None:
        return True if (trial.state, trial.datetime_start) == (TrialState.RUNNING, at) else None


@plain
class ReadTables(RDBStorage):
    """Optuna's database, to be read: its tables are there."""

    still: tuple[Path, tuple[Any, ...]] | None = None  # a file of which no later change is seen


@quiet()
def open_storage(
    url: str | Path, *, create: bool = True, waits: bool = False, connections: int = 1
) -> BaseStorage:
    """The storage behind a URL or a path, to be written to. UsageError or VrtuneError if that can't
    be done, with nothing written.

    Args:
        url: as it was given.
        create: whether it is made if it is not there.
        waits: whether it was open before, so that it is waited for where it is away.
        connections: that are kept to a server.
    """
    place = understand(url)
    if waits:
        return lasting(place.given, lambda: _open(place, create, connections))
    return _open(place, create, connections)


def _open(place: Place, create: bool, connections: int = 1) -> BaseStorage:
    with faults(place.given):
        if place.kind == "proxy":
            return _proxied(place)
        if place.path is None:
            made = servers.look(place) == "made"
            if not made and not create:
                raise tables.empty(place)
            options = servers.options(place, connections=connections)
            return _tables(place, place.url, options, made=made)
        there = check_file(place, place.path, create=create, write=True)
        if place.kind == "journal":
            return open_journal(place, place.path, write=True)
        connect = sqlite.for_writers(place, place.path)
        made = there and _is_made(place, place.path, create=create)
        storage = _tables(place, sqlite.url_of(place.path), {"creator": connect}, made=made)
        sqlite.tune(storage.engine, connect)
    return storage


@quiet()
def open_to_read(url: str | Path) -> BaseStorage:
    """A storage that exists, to be read: nothing is made or changed, so that it may lie where
    nothing can be. UsageError or VrtuneError if it can't be read."""
    place = understand(url)
    with faults(place.given):
        if place.kind == "proxy":
            return _proxied(place)
        if place.path is None:
            if servers.look(place, write=False) != "made":
                raise tables.empty(place)
            return _to_read(place, place.url, servers.options(place))
        check_file(place, place.path, create=False, write=False)
        if place.kind == "journal":
            return open_journal(place, place.path, write=False)
        sqlite.check_header(place, place.path, create=False)
        written = sqlite.written(place.path)
        connect = sqlite.for_readers(place, place.path)
        if tables.state(connect.engine(), place) != "made":
            raise tables.empty(place)
        storage = _to_read(place, sqlite.url_of(place.path), {"creator": connect})
        storage.still = (place.path, written) if connect.still else None
        return storage


def is_outdated(storage: BaseStorage) -> bool:
    """Whether something was written to a storage that was opened where nothing can be, so that it
    is to be opened again to be seen."""
    still = storage.still if isinstance(storage, ReadTables) else None
    return still is not None and sqlite.written(still[0]) != still[1]


@quiet()
def check_storage(url: str | Path) -> None:
    """UsageError or VrtuneError where a search could not write to a storage, as far as that can be
    told with nothing made: before data are read."""
    place = understand(url)
    with faults(place.given):
        if place.kind == "proxy":
            _proxied(place)
        elif place.path is None:
            servers.look(place)
        elif check_file(place, place.path, create=True, write=True):
            if place.kind == "journal":
                open_journal(place, place.path, write=False)
            else:
                _is_made(place, place.path, create=True)


@quiet()
def open_for_dashboard(url: str | Path) -> BaseStorage:
    """A storage that exists, opened so that its readers don't hold up a search's writes."""
    place = understand(url)
    storage = open_storage(url, create=False)
    if place.path is None or place.kind == "journal":
        return storage
    connect = sqlite.for_writers(place, place.path)
    return _to_read(place, sqlite.url_of(place.path), {"creator": connect})


def _proxied(place: Place) -> BaseStorage:
    """A storage behind a proxy, which answers."""
    try:
        from vrtune.storages.proxied import open_proxied
    except ImportError as error:
        raise VrtuneError(
            f"{place} needs a package that is not installed ({error.name}): "
            "pip install 'vrtune[grpc]'"
        ) from None
    return open_proxied(place)


def _is_made(place: Place, path: Path, *, create: bool) -> bool:
    """Whether Optuna's tables are in a file. UsageError if something else is."""
    if not sqlite.check_header(place, path, create=create):
        return False
    state = tables.state(sqlite.for_readers(place, path).engine(), place)
    if state != "made" and not create:
        raise tables.empty(place)
    return state == "made"


def _tables(place: Place, url: str, options: dict[str, Any], *, made: bool) -> Tables:
    """Optuna's tables, which are made where they are not."""
    for attempt in range(ATTEMPTS):
        try:
            with _of_this_optuna(place):
                storage = Tables(_template(url), options, skip_table_creation=made)
            break
        except sqlalchemy.exc.SQLAlchemyError as error:  # another process makes the same tables
            if attempt == ATTEMPTS - 1 or not re.search("already exists|UNIQUE", str(error)):
                raise
            time.sleep(0.2)
    return _known(storage, place)


def _to_read(place: Place, url: str, options: dict[str, Any]) -> ReadTables:
    with _of_this_optuna(place):
        return _known(ReadTables(_template(url), options, skip_table_creation=True), place)


def _known(storage: Opened, place: Place) -> Opened:
    """The storage, which knows its URL, and closes its connections when nobody has it any more."""
    storage.url = place.given
    weakref.finalize(storage, storage.engine.dispose)
    return storage


def _template(url: str) -> str:
    """The URL as Optuna wants it, which fills in what is in braces."""
    return url.replace("{", "{{").replace("}", "}}")


@contextmanager
def _of_this_optuna(place: Place) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        by = re.search(r"set up by (optuna [\w.]+)", str(error))
        mend = (
            "optuna storage upgrade"
            if "upgrade --storage" in str(error)
            else "pip install -U optuna"
        )
        raise VrtuneError(
            f"{place} has tables of another version ({by[1] if by else 'of Optuna'}): copy it and "
            f"run {mend}, or give another with --storage"
        ) from None
