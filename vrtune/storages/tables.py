"""Whose tables a database holds: found out before Optuna makes its own among them."""

from __future__ import annotations

from typing import Literal

import sqlalchemy
from optuna.storages._rdb.models import BaseModel

from vrtune.errors import UsageError

STAMP = "alembic_version"  # of Optuna's tables, written last
OWN = {*BaseModel.metadata.tables, STAMP}
KNOWN = {  # columns by which Optuna's tables of all versions are told from others of these names
    "studies": {"study_id", "study_name"},
    "trials": {"trial_id", "study_id"},
    "version_info": {"version_info_id", "schema_version"},
    STAMP: {"version_num"},
}

State = Literal["none", "begun", "made"]


def state(engine: sqlalchemy.Engine, name: object) -> State:
    """How far Optuna's tables are made. UsageError if another program's are in their place."""
    with engine.connect() as connection:
        inspector = sqlalchemy.inspect(connection)
        tables = set(inspector.get_table_names())
        for table in tables & set(KNOWN):
            if not KNOWN[table] <= {column["name"] for column in inspector.get_columns(table)}:
                raise another(name)
        if not tables:
            return "none"
        if not set(KNOWN) <= tables:
            if tables <= OWN:
                return "begun"
            raise another(name)
        stamp = sqlalchemy.text(f"SELECT version_num FROM {STAMP}")
        return "begun" if connection.scalar(stamp) is None else "made"


def another(name: object) -> UsageError:
    """The sentence for a database of another program."""
    return UsageError(
        f"{name} holds no studies: it is another program's database; give another with --storage"
    )


def empty(name: object) -> UsageError:
    """The sentence for a storage in which nobody has searched."""
    return UsageError(f"{name} holds no studies yet: search first, or give another with --storage")
