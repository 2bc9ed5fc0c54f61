"""When a training arrives at its target, read from what it was judged by after each epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from vrtune.display.measures import Measure


@dataclass(frozen=True)
class Arrival:
    """Where a curve first lies at its target, or beyond."""

    epochs: float  # from the start, interpolated
    judged: int  # the first epoch that was judged so
    at_most: bool  # whether no epoch was judged before: it may have been sooner


def arrival(curve: Mapping[int, float], target: float, measure: Measure) -> Arrival | None:
    """Where a curve first reaches the target; None where it never does.

    Between the last epoch e0 that falls short and the first e1 that does not, the value is taken
    for a straight line: e = e0 + (e1 - e0) (v(e0) - target) / (v(e0) - v(e1)).

    Args:
        curve: values by epoch, from 1; what is not finite has not arrived.
        target: the value to reach, which is good from above or below, as `measure` says.
        measure: which of two values is better.

    Example:
        >>> from vrtune.display.measures import Measure
        >>> from vrtune.scaling.arrival import arrival
        >>> arrival({1: 0.9, 2: 0.5, 3: 0.3}, 0.4, Measure()).epochs
        2.5
    """
    before: tuple[int, float] | None = None
    goal = measure.cost(target)
    for epoch, value in sorted(curve.items()):
        cost = measure.cost(value) if math.isfinite(value) else math.inf
        if cost > goal:
            before = epoch, cost
            continue
        if before is None:
            return Arrival(float(epoch), epoch, at_most=True)
        since, fell_short = before
        share = (fell_short - goal) / (fell_short - cost) if math.isfinite(fell_short) else 1.0
        return Arrival(since + (epoch - since) * share, epoch, at_most=False)
    return None
