"""Settings at the edge of their range: the best may lie beyond it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

NEAR = 0.02  # of a range, by its logarithm where it is searched so


def edge_notes(
    params: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
) -> list[str]:
    """A sentence for every number among the settings that lies at an end of its range.

    Nothing lies beyond 0, nor beyond the 1 of a range 0 .. 1, a share: those ends are passed over.

    Args:
        params: the settings of a trial, such as the best.
        distributions: the ranges that they were chosen from.

    Returns:
        What lies where, and what to do; nothing for choices, and for a range of one value.

    Example:
        >>> from optuna.distributions import FloatDistribution
        >>> from vrtune.spaces import edge_notes
        >>> edge_notes({"k": 9.9}, {"k": FloatDistribution(1e-3, 10.0, log=True)})
        ['k = 9.9 lies at the upper end of its range 0.001 .. 10: widen it in the search space']
    """
    notes = []
    for name, value in params.items():
        given = distributions.get(name)
        if not isinstance(given, FloatDistribution | IntDistribution) or given.single():
            continue
        if not isinstance(value, int | float):
            continue
        end = _end(value, given)
        if end is not None:
            notes.append(
                f"{name} = {value:.3g} lies at the {end} end of its range {given.low:g} .. "
                f"{given.high:g}: widen it in the search space"
            )
    return notes


def _end(value: float, given: FloatDistribution | IntDistribution) -> str | None:
    """Which end a value lies at: a whole number at the first or last, another near one."""
    low, high = given.low, given.high
    if isinstance(given, IntDistribution):
        at_low, at_high = value <= low, value >= high
    else:
        scale = math.log if given.log else float
        place = (scale(value) - scale(low)) / (scale(high) - scale(low))
        at_low, at_high = place <= NEAR, place >= 1 - NEAR
    if at_low and low != 0:
        return "lower"
    if at_high and (low, high) != (0, 1):
        return "upper"
    return None
