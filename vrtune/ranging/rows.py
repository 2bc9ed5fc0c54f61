"""A fold's losses over rates, and what is read from them in learning rates."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vrtune.config import Settings
from vrtune.ranging.curve import places, smoothed


class Row(Settings):
    """A curve over the rates of a range test. Rates are null where a curve has no such place."""

    fold: str
    begins: float | None  # from here on a tenth of the whole fall is done
    steepest: float | None  # the loss falls fastest
    lowest: float | None
    diverges: float | None  # half of the fall is lost again
    losses: tuple[float | None, ...]  # of each step; null: not finite
    smooth: tuple[float, ...]


def row(fold: str, rates: Sequence[float], losses: Sequence[float]) -> Row:
    """A fold's curve, read."""
    found = places(losses)._asdict()
    return Row(
        fold=fold,
        losses=tuple(loss if math.isfinite(loss) else None for loss in losses),
        smooth=tuple(smoothed(losses)),
        **{name: None if step is None else rates[step] for name, step in found.items()},
    )
