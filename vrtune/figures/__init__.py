"""Figures, one file each: `compute` makes the data of them, `draw` the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vrtune.comparing.tuned import Tuned
    from vrtune.figures.panel import Panel

# Modules of this folder in the order in which their figures are read
ACROSS = ("training", "differences", "tunability", "pruning", "time")  # methods side by side
EACH = ("cv_curves", "landscape", "importances", "parallel", "variance")  # a study alone


def panels(tuned: Sequence[Tuned]) -> list[Panel]:
    """All figures that can be drawn of studies: methods side by side, then study by study.

    Each figure's module is imported when it is needed, so that asking for one imports no other.

    Args:
        tuned: what the studies found, each with a label of its own.

    Returns:
        The figures, in reading order.
    """
    found: list[Panel] = []
    for name in ACROSS:
        found += _drawn(name, tuned)
    for each in tuned:
        for name in EACH:
            found += _drawn(name, each)
    return found


def _drawn(name: str, given: Sequence[Tuned] | Tuned) -> list[Panel]:
    module = import_module(f"vrtune.figures.{name}")
    data = module.compute(given)
    panels: list[Panel] = [] if data is None else module.draw(data)
    return panels
