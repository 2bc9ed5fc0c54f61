"""Two courses of a trial side by side: where they part, how far, and what rounding explains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

from vrtune.config import Settings

Values = Mapping[int, Sequence[float | None]]  # of each fold, by epoch; None: not finite

# times as far as its twin may a replay be off that differs by rounding alone: another order of sums
# is several roundings, and how fast courses part is chance (K-FAC: 20 times, benchmarks/replays.py)
ROUNDINGS = 50.0
PRECISION = 2.0**-22  # relative, of a value itself: two roundings of float32


class Apart(Settings):
    """Where a replay leaves the record: an epoch, and the fold that is furthest off there."""

    epoch: int
    fold: int  # counted from 0
    folds: int  # that differ in this epoch
    recorded: float | None  # None where it was not finite
    replayed: float | None
    gap: float | None  # None where one of them was not finite


def first_apart(recorded: Values, replayed: Values) -> Apart | None:
    """The first epoch of the record whose values differ; None if none does."""
    for epoch in sorted(recorded):
        pairs = _pairs(recorded, replayed, epoch)
        off = [fold for fold, (before, now) in enumerate(pairs) if before != now]
        if off:
            fold = max(off, key=lambda k: _gap(*pairs[k]))
            before, now = pairs[fold]
            gap = _gap(before, now)
            return Apart(
                epoch=epoch,
                fold=fold,
                folds=len(off),
                recorded=before,
                replayed=now,
                gap=gap if math.isfinite(gap) else None,
            )
    return None


def gaps(one: Values, other: Values) -> dict[int, float]:
    """How far the folds are apart at most, by epoch of the one; infinite where one alone is not
    finite."""
    return {e: max(_gap(*pair) for pair in _pairs(one, other, e)) for e in sorted(one)}


def allowed(recorded: Values, twins: Mapping[int, float], least: float) -> dict[int, float]:
    """How far a replay may be off by rounding alone, by epoch, where a twin that rounds otherwise
    is so far off. `least` is how far the value may jump by itself: counts of samples do."""
    epochs = sorted(recorded)
    by_then = accumulate((twins[epoch] for epoch in epochs), max)  # what once parted stays so
    sizes = [max((abs(v) for v in recorded[epoch] if v is not None), default=0) for epoch in epochs]
    return {
        epoch: max(ROUNDINGS * off, PRECISION * size, least)
        for epoch, off, size in zip(epochs, by_then, sizes, strict=True)
    }


def _pairs(one: Values, other: Values, epoch: int) -> list[tuple[float | None, float | None]]:
    """The values of each fold; an epoch that the other did not reach has none that are finite."""
    folds = one[epoch]
    return [*zip(folds, other.get(epoch, [None] * len(folds)), strict=True)]


def _gap(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return 0.0 if one is other else math.inf
    return abs(one - other)
