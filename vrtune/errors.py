"""What vrtune tells a user who can mend it: one sentence, no traceback."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pydantic import ValidationError

T = TypeVar("T")


class VrtuneError(Exception):
    """Something in the surroundings is wrong: missing data, a locked database. Exit status 1."""

    exit_code = 1

    def __str__(self) -> str:
        """One line, whatever a path or a name in it holds."""
        return printable(super().__str__())


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
        where = brief(".".join(str(part) for part in e["loc"]), 100)
        known = e["type"] in ("value_error", "missing")
        whole = not e["loc"] and isinstance(e["input"], dict)  # all fields, a storage's URL, too
        secret = whole or "storage" in e["loc"]  # a password
        given = "" if known or secret else f" (got {shown(e['input'])})"
        parts.append(f"{where + ': ' if where else ''}{e['msg']}{given}")
    return brief("; ".join(parts), 1000)


def brief(text: str, most: int = 300) -> str:
    """Text of another's as part of a sentence: one line, printable, no longer than `most`."""
    line = printable(" ".join(text[: 4 * most].split()))
    return line if len(line) <= most else f"{line[: most - 3]}..."


def printable(text: str) -> str:
    """Text with the codes of what no terminal prints, such as the end of a line."""
    return (
        text
        if text.isprintable()
        else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    )


def shown(value: object) -> str:
    """Another's value as part of a sentence, short."""
    try:
        return brief(repr(value), 100)
    except Exception:  # of its own __repr__, or a number of too many digits
        return f"a {type(value).__name__}"


def told(error: BaseException) -> str:
    """Another's error as part of a sentence: its type, and what it says if it says anything."""
    try:
        said = brief(str(error))
    except Exception:  # of its own __str__
        said = ""
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def unwarned() -> None:
    """Optuna warns whenever it meets a pair as a choice. Here it is kept as JSON gives it back, so
    every storage can, and nobody needs to be told."""
    warnings.filterwarnings("ignore", "Choices for a categorical distribution", UserWarning)
