"""The training loss over a rising learning rate: smoothed, and what can be read from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean, median, stdev
from typing import NamedTuple

SHARE = 20  # a window is this part of the steps
BEGUN = 0.1  # of the whole fall
LOST = 0.5  # of the whole fall, by which the loss is up again


class Found(NamedTuple):
    """Steps, counted from 0; None where a curve has no such place."""

    begins: int | None = None  # a tenth of the fall is done, for good
    steepest: int | None = None  # since then it falls fastest, by the logarithm of the rate
    lowest: int | None = None
    diverges: int | None = None  # half of the fall is lost again


def window(steps: int) -> int:
    """Steps on either side that a smoothed loss is the mean of."""
    return max(1, steps // SHARE // 2)


def smoothed(losses: Sequence[float]) -> list[float]:
    """The mean of the losses around each step: (2 h + 1) of them, fewer near the ends.

    The window is symmetric, but at the ends, so that no place is moved to larger rates, as running
    averages of the past move it. A loss counts as twice the first ones' height above the lowest at
    most, that an explosion is not seen long before it happens.

    Args:
        losses: of each step; those that are not finite are as high as can be.

    Example:
        >>> from vrtune.ranging.curve import smoothed
        >>> smoothed([2.0, 2.0, 1.0, 0.0, 400.0])
        [2.0, 1.6666666666666667, 1.0, 1.6666666666666667, 2.0]
    """
    n, h = len(losses), window(len(losses))
    finite = [loss for loss in losses if math.isfinite(loss)]
    start = _start(losses)
    ceiling = 2 * start - min(finite, default=start)
    capped = [min(loss, ceiling) if math.isfinite(loss) else ceiling for loss in losses]
    return [mean(capped[max(0, i - h) : i + h + 1]) for i in range(n)]


def places(losses: Sequence[float]) -> Found:
    """Where a curve begins to fall, falls fastest, is lowest, and is lost; Found() of one that
    never falls by more than its first losses vary.

    Args:
        losses: of each step, over rates whose logarithms rise evenly.

    Example:
        >>> from vrtune.ranging.curve import places
        >>> places([2.0] * 9 + [1.8, 1.2, 0.4, 0.2, 0.3, 0.4, 2.0, 9.0, float("nan")])
        Found(begins=9, steepest=10, lowest=12, diverges=15)
    """
    n, h, curve = len(losses), window(len(losses)), smoothed(losses)
    start = _start(losses)
    lowest = min(range(n), key=curve.__getitem__)
    fall = start - curve[lowest]
    first = [loss for loss in losses[: 2 * h + 1] if math.isfinite(loss)]
    if len(first) <= h or not fall > stdev(first):
        return Found()
    high = [i for i in range(lowest) if curve[i] > start - BEGUN * fall]
    ups = (i for i in range(lowest + 1, n) if curve[i] > start - (1 - LOST) * fall)

    def slope(i: int) -> float:
        a, b = max(0, i - h), min(n - 1, i + h)
        return (curve[b] - curve[a]) / (b - a)

    begins = max(high, default=-1) + 1
    return Found(
        begins=begins,
        steepest=min(range(begins, lowest + 1), key=slope),
        lowest=lowest,
        diverges=next(ups, None),
    )


def _start(losses: Sequence[float]) -> float:
    """What the loss is before anything has changed."""
    first = losses[: 2 * window(len(losses)) + 1]
    return median([loss for loss in first if math.isfinite(loss)] or [0.0])
