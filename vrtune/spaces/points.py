"""Settings that a space's module names itself, its GRID and its DEFAULT: can it run them?"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from vrtune.errors import UsageError


class Lacking(UsageError):
    """suggest asks for a parameter that the module's GRID or DEFAULT does not name."""


def plain(value: Any) -> Any:
    """A NumPy number as Python's, which storages can keep; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def asked_of(
    suggest: Callable[[Any], Any], point: dict[str, Any], file: str | Path | None, what: str
) -> set[str]:
    """The parameters that `suggest` asks for at a point of `what` (GRID, DEFAULT) of a file.

    UsageError if it raises, or a value lies outside its range; Lacking if one is missing.
    """
    trial = optuna.trial.FixedTrial(point)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Optuna's of a value out of range
            suggest(trial)
    except UsageError as error:
        lacking = re.search("parameter '(.+)' is not found", str(error.__cause__))
        if lacking is not None:
            raise Lacking(
                f"{file}: suggest asks for {lacking[1]}, which {what} does not name (it "
                f"names {', '.join(sorted(point)) or 'nothing'})"
            ) from None
        _refuse_outside(trial, point, file, what)
        raise
    _refuse_outside(trial, point, file, what)
    return set(trial.params)


def _refuse_outside(
    trial: optuna.trial.FixedTrial, point: dict[str, Any], file: str | Path | None, what: str
) -> None:
    """UsageError for a value that lies outside of what suggest allows."""
    for name, given in trial.distributions.items():
        if not _holds(given, point[name]):
            raise UsageError(
                f"{file}: {what} has {name} = {point[name]!r}, which is out of the range that "
                "suggest gives it"
            )


def _holds(given: BaseDistribution, value: Any) -> bool:
    """Whether a parameter may have a value: a number where numbers are asked for."""
    if isinstance(given, FloatDistribution | IntDistribution) and (
        isinstance(value, bool) or not isinstance(value, int | float)
    ):
        return False
    try:
        return bool(given._contains(given.to_internal_repr(value)))
    except ValueError:
        return False


def refuse_unasked(named: set[str], asked: set[str], file: str | Path | None, what: str) -> None:
    """UsageError if `what` (GRID, DEFAULT) of a file names a parameter that no one asks for."""
    if named - asked:
        raise UsageError(
            f"{file}: {what} names {', '.join(sorted(named - asked))}, which suggest "
            f"never asks for (it asks for {', '.join(sorted(asked)) or 'nothing'})"
        )
