"""Where larger batches save steps: perfect scaling, diminishing returns, no gain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.optimize import nnls

from vrtune.config import Settings

Region = Literal["perfect scaling", "diminishing returns", "no gain"]
Point = tuple[int, float]  # batch size, steps

PERFECT = 1.25  # times the steps of perfect scaling that still count as such
NONE = 0.2  # a doubled batch that saves less than 1 - 2^-0.2, 13 % of the steps, saves none
FEWEST = 3  # points that a curve of two numbers is drawn through


class Critical(Settings):
    """S(B) = S_min + E_min / B, the curve that lies closest: S_min the fewest steps, whatever the
    batch size, E_min the fewest samples, and B_crit = E_min / S_min, at which both are doubled."""

    steps: float  # S_min
    samples: float  # E_min
    batch_size: float | None  # B_crit; None where one of the others is 0
    error: float  # the largest |S(B) / S - 1|


def gains(points: Sequence[Point]) -> list[float | None]:
    """How much each batch size saves from the one before: -d log S / d log B, which is 1 where
    doubling the batch halves the steps, and 0 where it saves none; None for the first."""
    found: list[float | None] = [None]
    for (b, s), (larger, steps) in pairwise(points):
        found.append(math.log(s / steps) / math.log(larger / b))
    return found[: len(points)]


def regions(points: Sequence[Point]) -> list[Region | None]:
    """What each batch size lies in, in this order: perfect scaling as long as its steps are at most
    1.25 times S_1 B_1 / B; no gain from the first after which no gain exceeds 0.2; between them
    diminishing returns. None for the first, which all others are measured by.

    Args:
        points: batch sizes that reach the target, the least first, and their steps.
    """
    if not points:
        return []
    (first, steps), gain = points[0], gains(points)
    perfect = 1
    while perfect < len(points) and _is_perfect(points[perfect], steps * first):
        perfect += 1
    none = len(points)
    while none > perfect and (gain[none - 1] or 0.0) <= NONE:
        none -= 1
    named: list[Region | None] = [None, *["perfect scaling"] * (perfect - 1)]  # type: ignore[list-item]
    named += ["diminishing returns"] * (none - perfect)
    return named + ["no gain"] * (len(points) - none)


def critical(points: Sequence[Point]) -> Critical | None:
    """The critical batch size; None where fewer than three batch sizes reach the target.

    The curve (S / S_min - 1) (E / E_min - 1) = 1 with E = B S, solved for S, is fitted by least
    squares of the relative errors S(B) / S - 1, with neither number below 0.

    References:
        McCandlish et al. (2018), An Empirical Model of Large-Batch Training, arXiv 1812.06162.
    """
    if len(points) < FEWEST:
        return None
    b, s = (np.asarray(each, dtype=float) for each in zip(*points, strict=True))
    unit = b[0]  # so that both columns are of one size
    rows = np.stack([1 / s, unit / (b * s)], axis=1)
    scale = s.max()
    (fewest, samples), _ = nnls(rows * scale, np.ones(len(s)))
    fewest, samples = float(fewest * scale), float(samples * scale * unit)
    error = float(np.abs((fewest + samples / b) / s - 1).max())
    both = fewest > 0 and samples > 0
    return Critical(
        steps=fewest,
        samples=samples,
        batch_size=samples / fewest if both else None,
        error=error,
    )


def _is_perfect(point: Point, samples: float) -> bool:
    b, s = point
    return s <= PERFECT * samples / b
