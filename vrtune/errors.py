"""What vrtune tells a user who can mend it: one sentence, no traceback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pydantic import ValidationError

T = TypeVar("T")


class VrtuneError(Exception):
    """Something in the surroundings is wrong: missing data, a locked database. Exit status 1."""

    exit_code = 1


class UsageError(VrtuneError):
    """Something in the request is wrong: an unknown name, a setting out of range. Exit status 2."""

    exit_code = 2


def chosen(registry: Mapping[str, T], name: str, what: str) -> T:
    """registry[name]; UsageError lists what there is, where there is no such name."""
    if name not in registry:
        raise UsageError(f"there is no {what} {name!r}: choose one of {', '.join(registry)}")
    return registry[name]


def explain(error: ValidationError) -> str:
    """A validation error as one clause: where, what, what was given."""
    parts = []
    for e in error.errors():
        where = ".".join(str(part) for part in e["loc"])
        given = f" (got {e['input']!r})" if e["type"] not in ("value_error", "missing") else ""
        parts.append(f"{where + ': ' if where else ''}{e['msg']}{given}")
    return "; ".join(parts)
