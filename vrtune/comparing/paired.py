"""Statistics of paired values: the t-test for folds and for seeds, and Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

SAME = 1e-9  # of the values: differences that vary by less vary by rounding alone


@dataclass(frozen=True)
class Paired:
    """What paired values say of first minus second; None where they say nothing, and why."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    first_better: float | None = None
    equal: float | None = None
    second_better: float | None = None
    note: str = ""


def paired(
    first: Sequence[float],
    second: Sequence[float],
    *,
    correlation: float = 0.0,
    rope: float | None = None,
    alpha: float = 0.05,
) -> Paired:
    """The t-test of paired values, corrected where they are correlated.

    Without correlation it is the usual paired t-test. The training parts of folds overlap, so their
    differences are correlated: by the share of the data that each is judged on, as Nadeau and
    Bengio (2003) put it. The variance of the mean is (1/n + rho/(1 - rho)) s^2 then. Read as a
    posterior this is the Bayesian correlated t-test (Corani and Benavoli, 2015): Student's t with
    n - 1 degrees of freedom about the mean, with that scale.

    Differences that are all the same can't be put to a t-test: where they are 0 nothing differs
    (p = 1); where they are not, p is that of the sign test, 2^(1 - n), which asks for no spread.

    Args:
        first, second: finite values, less is better; as many of one as of the other.
        correlation: of the differences, 0 or more and below 1.
        rope: differences below this share of the better mean are of no practical importance; None:
            no probabilities are worked out.
        alpha: the interval holds 1 - alpha.

    Returns:
        Mean, interval, p (two-sided), and the probabilities that the first is better by more than
        the rope, that they are practically equal, and that the second is.
    """
    n = len(first)
    if n < 2:
        return Paired(note="one value of each says nothing of the spread")
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    with np.errstate(all="ignore"):  # values of 1e300 are finite, their squares are not
        differences = one - other
        mean, spread = float(differences.mean()), float(differences.std(ddof=1))
        usual = float(max(np.abs(one).max(), np.abs(other).max()))
    if not (math.isfinite(mean) and math.isfinite(spread)):
        return Paired(note="the values are too large to be compared")
    width = None if rope is None else rope * abs(min(float(one.mean()), float(other.mean())))
    if spread <= SAME * usual:
        return _constant(0.0 if abs(mean) <= SAME * usual else mean, n, width)
    scale = math.sqrt(1 / n + correlation / (1 - correlation)) * spread
    half = float(stats.t.ppf(1 - alpha / 2, n - 1)) * scale
    p = float(2 * stats.t.sf(abs(mean) / scale, n - 1))
    found = Paired(mean=mean, low=mean - half, high=mean + half, p=p)
    if width is None:
        return found
    better = float(stats.t.cdf(-width, n - 1, mean, scale))
    worse = float(stats.t.sf(width, n - 1, mean, scale))
    equal = max(0.0, 1 - better - worse)
    return replace(found, first_better=better, equal=equal, second_better=worse)


def turned(test: Paired) -> Paired:
    """The same where more is better, of what was found of the negatives."""
    mean, low, high = (None if v is None else 0.0 - v for v in (test.mean, test.high, test.low))
    return replace(test, mean=mean, low=low, high=high)


def holm(p: Sequence[float]) -> list[float]:
    """P values corrected for their number by Holm's step-down (1979): among those of differences
    that are none, any falls below alpha in at most alpha of all cases, however they depend."""
    order = np.argsort(p, kind="stable")
    steps = np.asarray(p, dtype=float)[order] * np.arange(len(p), 0, -1)
    out = np.empty(len(p))
    out[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(value) for value in out]


def _constant(mean: float, n: int, width: float | None) -> Paired:
    if mean == 0:
        found = Paired(mean=0.0, low=0.0, high=0.0, p=1.0, note="the same values")
        if width is None:
            return found
        return replace(found, first_better=0.0, equal=1.0, second_better=0.0)
    p = float(stats.binomtest(n, n).pvalue)
    return Paired(mean=mean, p=p, note="the same difference each time: p is the sign test's")
