"""How often a winner is named: what a verdict claims of itself, worked out for its tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy import stats

DRAWS = 4000  # comparisons of more than two methods that are made up; half a percent is lost
SEED = 0  # of these: the same rate each time
MOST = 64  # values that are thought of


@lru_cache(maxsize=256)
def found_rate(
    methods: int, n: int, correlation: float = 0.0, *, better: float = 2.0, alpha: float = 0.05
) -> float:
    """How often one method is found to be better than every other, where it is by so many standard
    deviations of the paired differences, and the others are equal.

    Of two methods this is the power of the t-test (noncentral t). Of more all of its tests must
    pass Holm's correction at once; values are drawn for that, independent from method to method.

    Args:
        methods: 2 or more.
        n: paired values of each, 2 or more.
        correlation: of the differences, as in `paired.paired`. Their standard deviation is that
            about their own mean, as it is seen in one comparison.
        better: how much, in standard deviations.
        alpha: the level of the tests.
    """
    widening = 1 / n + correlation / (1 - correlation)
    if methods == 2:
        limit = stats.t.ppf(1 - alpha / 2, n - 1)
        return float(stats.nct.sf(limit, n - 1, better / math.sqrt(widening)))
    generator = np.random.default_rng(SEED)
    draws = max(500, min(DRAWS, 4_000_000 // (methods * max(n, methods))))
    values = generator.normal(0, math.sqrt(0.5), (draws, methods, n))
    means = values.mean(axis=2, keepdims=True)
    rest = values - means
    shared = correlation / (1 - correlation) / 2  # of the mean, what more values do not help
    means = means[:, :, 0] + generator.normal(0, math.sqrt(shared), (draws, methods))
    means[:, 0] += better
    products = rest @ rest.transpose(0, 2, 1) / (n - 1)
    own = np.diagonal(products, axis1=1, axis2=2)
    one, other = np.triu_indices(methods, 1)
    spread = np.sqrt(own[:, one] + own[:, other] - 2 * products[:, one, other])
    t = (means[:, one] - means[:, other]) / (spread * math.sqrt(widening))
    pairs = len(one)  # the first methods - 1 of them are those of the better method
    limits = stats.t.ppf(1 - alpha / (2 * np.arange(pairs, 0, -1)), n - 1)
    ordered = -np.sort(-np.abs(t), axis=1)
    passed = np.logical_and.accumulate(ordered > limits, axis=1).sum(axis=1)
    last = np.where(passed > 0, ordered[np.arange(draws), passed - 1], np.inf)
    return float((t[:, : methods - 1].min(axis=1) >= last).mean())


def needed(
    methods: int,
    correlation: Callable[[int], float] = lambda n: 0.0,
    *,
    rate: float = 0.8,
    alpha: float = 0.05,
) -> int | None:
    """The fewest values with which a method that is 2 sd better is found at that rate; None where
    it takes more than can be thought of, or no number is enough."""

    def is_enough(n: int) -> bool:
        return found_rate(methods, n, correlation(n), alpha=alpha) >= rate

    low, high = 1, 2
    while not is_enough(high):
        if high >= MOST:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
