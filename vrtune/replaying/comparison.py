"""Two courses of a trial side by side: where they part, how far, and what rounding explains."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from vrtune.config import Settings

Curve = Mapping[int, Sequence[float | None]]  # values of each fold, by epoch

ROUNDINGS = 10.0  # times as far apart as its twin may a replay be that differs by rounding alone
PRECISION = 2.0**-23  # of a value that is computed in float32


class Apart(Settings):
    """Where a replay first leaves the record: an epoch, and the fold that is furthest off there."""

    epoch: int
    fold: int  # counted from 0
    folds: int  # that differ in this epoch
    recorded: float | None  # None where it was not finite
    replayed: float | None
    gap: float | None  # None where one of them was not finite


def first_apart(recorded: Curve, replayed: Curve) -> Apart | None:
    """The first epoch of the record whose values differ; None if none does."""
    for epoch, folds in sorted(recorded.items()):
        pairs = [*zip(folds, replayed.get(epoch, [None] * len(folds)), strict=True)]
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


def widest(one: Curve, other: Curve, epochs: Iterable[int]) -> float | None:
    """How far two courses are apart at most in these epochs; None where one alone diverged."""
    gaps = [
        _gap(*pair)
        for epoch in epochs
        for pair in zip(one[epoch], other.get(epoch, [None] * len(one[epoch])), strict=True)
    ]
    most = max(gaps, default=0.0)
    return most if math.isfinite(most) else None


def by_rounding(apart: Apart, twin: float | None, least: float) -> bool:
    """Whether rounding explains how far a replay is off where it first differs: by then a twin that
    rounds otherwise was `twin` off, None if it alone diverged; `least` is the smallest step that
    the value can take."""
    if twin is None:
        return True
    if apart.gap is None:
        return False
    size = max(abs(apart.recorded or 0.0), abs(apart.replayed or 0.0))
    return apart.gap <= max(ROUNDINGS * max(twin, PRECISION * size), least)


def _gap(one: float | None, other: float | None) -> float:
    """Infinite where one alone is not finite."""
    if one is None or other is None:
        return 0.0 if one is other else math.inf
    return abs(one - other)
