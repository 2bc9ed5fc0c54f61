"""Servers that keep studies: PostgreSQL, MySQL and others that SQLAlchemy knows."""

from __future__ import annotations

from typing import Any

import sqlalchemy

from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.tables import State, state
from vrtune.storages.urls import DEFAULT_URL, Place

ANSWER_S = 20  # for a server to answer
ALIVE = {  # a network that drops what is sent is found out within a minute, and not in hours
    "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}  # fmt: skip
PACKAGES = {"postgresql+psycopg": "vrtune[postgresql]", "mysql": "mysqlclient"}  # others': by name

# whether a connection writes at all, makes tables, and adds to those that there are
MAY_WRITE = """
SELECT current_setting('transaction_read_only') = 'off',
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
       coalesce(has_table_privilege(to_regclass('trials'), 'INSERT'), true)
"""


def options(place: Place, *, connections: int = 1) -> dict[str, Any]:
    """How to connect: with a limit to the time that a server takes to answer. So many `connections`
    are kept: the threads of a search seldom need one at the same time."""
    url = sqlalchemy.make_url(place.url)
    driver = url.get_driver_name()
    connect: dict[str, Any] = {}
    if driver in ("psycopg", "psycopg2", "mysqldb", "pymysql"):
        connect["connect_timeout"] = ANSWER_S
    if driver in ("psycopg", "psycopg2"):
        connect |= ALIVE
    connect = {name: value for name, value in connect.items() if name not in url.query}
    pool = {"pool_size": connections, "max_overflow": 4, "pool_pre_ping": True}
    return {**pool, "connect_args": connect}


def look(place: Place, *, write: bool = True) -> State:
    """How far Optuna's tables are made on a server; nothing is written. UsageError or VrtuneError
    where a search can't write there."""
    engine = _engine(place)
    try:
        found = state(engine, place)
        if write and engine.dialect.name == "postgresql":
            with engine.connect() as connection:
                writes, makes, adds = connection.execute(sqlalchemy.text(MAY_WRITE)).one()
            if not writes or not (adds if found == "made" else makes):
                raise VrtuneError(
                    f"{place} may be read only by this user: ask for the right to make tables and "
                    "to write there, or give another with --storage"
                )
    finally:
        engine.dispose()
    return found


def _engine(place: Place) -> sqlalchemy.Engine:
    """UsageError or VrtuneError where the URL or its driver will not do."""
    try:
        engine = sqlalchemy.create_engine(place.url, **options(place))
    except ImportError as error:
        package = PACKAGES.get(place.url.partition(":")[0], error.name)
        raise VrtuneError(
            f"{place} needs a driver that is not installed ({error.name}): pip install {package!r}"
        ) from None
    except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError):
        raise UsageError(
            f"{str(place)!r} is no storage URL: give one like {DEFAULT_URL} or "
            "postgresql://host/name"
        ) from None
    except ValueError:
        raise UsageError(
            f"{place} has a port that is no number: write : and @ in a password as %3A and %40"
        ) from None
    if engine.dialect.is_async:
        raise UsageError(f"{place} has a driver that only awaits: leave it out, or give another")
    return engine
