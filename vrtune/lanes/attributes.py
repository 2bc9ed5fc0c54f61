"""What units of other packages and files keep as Python attributes, which no lane's state holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from vrtune.optimizers import StepRule

TOLD = ("state", "shapes", "about", "layers", "remembers")  # by lanes, or held by their states
Attributes = dict[str, Any]  # by name, what changes if the attribute does


def attributes(units: Iterable[object]) -> list[Attributes]:
    """Of each unit, unless it is one of vrtune's or remembers a lane itself."""
    return [_attributes(unit) for unit in units]


def check_unchanged(units: Iterable[object], before: Iterable[Attributes]) -> None:
    """ValueError where training has changed any: lanes share them, and a state has none of them."""
    for unit, marks in zip(units, before, strict=False):
        for name, mark in _attributes(unit).items():
            if mark != marks.get(name):
                raise ValueError(
                    f"{type(unit).__name__} changes self.{name}, where self.state alone is kept"
                )


def _attributes(unit: object) -> Attributes:
    own = type(unit)
    if own.__module__.startswith("vrtune."):
        return {}
    if isinstance(unit, StepRule) and type(unit).memory is not StepRule.memory:
        return {}
    return {name: _mark(given) for name, given in vars(unit).items() if name not in TOLD}


def _mark(given: object) -> object:
    if isinstance(given, Tensor):
        return id(given), given._version  # counts what is written into it
    return repr(given)
