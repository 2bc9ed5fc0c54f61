"""The least of b values drawn from n without replacement: its mean and quantiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

BAND = (0.05, 0.95)
ORDERS = 1000  # random ones, over which a curve by cost is averaged
SEED = 0  # of these orders: the same curve each time


def least_of(values: Sequence[float], draws: Sequence[int]) -> tuple[Array, Array, Array]:
    """Mean, 5 % and 95 % quantile of the least of b values, for every b of `draws`.

    The b values are drawn without replacement: the mean over all subsets of b is the U-statistic,
    which is unbiased for the least of b fresh draws. To draw with replacement, as Dodge et al.
    (2019) do, counts values twice and makes budgets look worse than they are (Tang et al., 2020).

    Args:
        values: inf for a draw that came to nothing; the mean is inf where all b may be such.
        draws: 1 to as many as there are values.

    Example:
        >>> from vrtune.comparing.expected import least_of
        >>> mean, low, high = least_of([3.0, 1.0, 2.0], [1, 2, 3])
        >>> [round(v, 3) for v in mean], list(low), list(high)
        ([2.0, 1.333, 1.0], [1.0, 1.0, 1.0], [3.0, 2.0, 1.0])
    """
    ordered, n = np.sort(np.asarray(values, dtype=float)), len(values)
    b = np.asarray(draws, dtype=int)[:, None]
    # the least is at place i or later if none of the b is among the i least
    beyond = stats.hypergeom.pmf(0, n, np.arange(n + 1)[None, :], b)  # [draws, 0 .. n]
    share = beyond[:, :-1] - beyond[:, 1:]  # that it is at place i
    with np.errstate(invalid="ignore"):
        mean = np.where(share > 0, share * ordered, 0.0).sum(axis=1)
    upto = 1 - beyond[:, 1:]
    low, high = (ordered[_first(upto, quantile)] for quantile in BAND)
    return mean, low, high


def least_within(
    values: Sequence[float], costs: Sequence[float], budgets: Sequence[float]
) -> tuple[Array, Array, Array]:
    """Mean, 5 % and 95 % quantile of the least value within every budget, over random orders of the
    draws, each at its own cost; inf where a budget may find nothing.

    Args:
        values, costs: of each draw, inf for a value that came to nothing.
        budgets: what may be spent.
    """
    generator = np.random.default_rng(SEED)
    orders = generator.permuted(np.tile(np.arange(len(values)), (ORDERS, 1)), axis=1)
    ends = np.cumsum(np.asarray(costs, dtype=float)[orders], axis=1)
    best = np.minimum.accumulate(np.asarray(values, dtype=float)[orders], axis=1)
    best = np.concatenate([np.full((ORDERS, 1), np.inf), best], axis=1)
    found = np.empty((len(budgets), ORDERS))
    for place, budget in enumerate(budgets):
        done = (ends <= budget * (1 + 1e-12)).sum(axis=1)  # sums in another order differ by less
        found[place] = best[np.arange(ORDERS), done]
    low, high = np.quantile(found, BAND, axis=1, method="inverted_cdf")
    return found.mean(axis=1), low, high


def _first(upto: Array, share: float) -> NDArray[np.int64]:
    """The first place up to which there is that share."""
    return np.argmax(upto >= share - 1e-12, axis=1)
