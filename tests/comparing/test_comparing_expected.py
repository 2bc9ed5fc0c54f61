"""The least of b draws, held against all subsets and all orders, and against the truth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from vrtune.comparing.expected import least_of, least_within

VALUES = [0.5, 0.2, 0.9, 0.2, 0.7, 0.4, 1.3]


@pytest.mark.parametrize("values", [VALUES, [*VALUES[:4], math.inf, math.inf]])
def test_it_is_the_mean_over_all_subsets(values: list[float]) -> None:
    draws = range(1, len(values) + 1)
    mean, low, high = least_of(values, draws)
    for b in draws:
        least = [min(subset) for subset in itertools.combinations(values, b)]
        assert mean[b - 1] == pytest.approx(np.mean(least))
        for ours, share in ((low, 0.05), (high, 0.95)):
            assert ours[b - 1] == np.quantile(least, share, method="inverted_cdf")


def test_it_is_not_biased_where_draws_with_replacement_are() -> None:
    """Of exponential draws the least of b has mean 1/b."""
    generator, n, b, cases = np.random.default_rng(0), 10, 5, 4000
    draws = generator.exponential(size=(cases, n))
    ours = np.array([least_of(list(row), [b])[0][0] for row in draws])
    error = ours.std(ddof=1) / math.sqrt(cases)
    assert abs(ours.mean() - 1 / b) < 4 * error
    places = np.arange(n)
    shares = (1 - places / n) ** b - (1 - (places + 1) / n) ** b  # Dodge et al. (2019)
    theirs = np.sort(draws, axis=1) @ shares
    assert theirs.mean() - 1 / b > 20 * error


def test_the_band_holds_nine_of_ten_fresh_draws() -> None:
    """Of 5 of 100 draws; a fresh least of 5 lies in it in 90 %, but for what 100 draws can miss."""
    generator, n, b, cases = np.random.default_rng(2), 100, 5, 2000
    held = 0
    for row in generator.lognormal(size=(cases, n)):
        _, low, high = least_of(list(row), [b])
        held += low[0] <= generator.lognormal(size=b).min() <= high[0]
    interval = stats.binom.interval(0.999, cases, 0.9)
    assert interval[0] - 0.02 * cases <= held <= interval[1] + 0.02 * cases


def test_beyond_half_of_the_draws_the_band_is_too_narrow() -> None:
    """Or the note that says so could go."""
    generator, n, cases = np.random.default_rng(3), 20, 500
    held = 0
    for row in generator.lognormal(size=(cases, n)):
        _, low, high = least_of(list(row), [n - 2])
        held += low[0] <= generator.lognormal(size=n - 2).min() <= high[0]
    assert held / cases < 0.5


def test_no_mean_where_all_draws_may_come_to_nothing() -> None:
    mean, low, high = least_of([0.3, 0.1, math.inf, math.inf], [1, 2, 3, 4])
    assert list(np.isfinite(mean)) == [False, False, True, True]
    assert list(low) == [0.1, 0.1, 0.1, 0.1]
    assert list(high) == [math.inf, math.inf, 0.3, 0.1]


def test_many_draws_are_no_trouble() -> None:
    mean, low, high = least_of(list(np.linspace(0, 1, 5000)), [1, 2, 100, 5000])
    assert mean == pytest.approx([0.5, 1 / 3, 1 / 101, 0], abs=1e-3)
    assert ((low <= mean) & (mean <= high)).all()


def test_within_a_budget_it_is_the_mean_over_all_orders() -> None:
    values, costs = [0.5, 0.2, 0.9, math.inf, 0.4], [3.0, 5.0, 1.0, 1.0, 2.0]
    budgets = [0.5, 1.0, 7.0, 9.0, 11.0, 12.0]
    means, lows, highs = least_within(values, costs, budgets)
    for budget, mean, low, high in zip(budgets, means, lows, highs, strict=True):
        least = []
        for order in itertools.permutations(range(len(values))):
            spent = np.cumsum([costs[i] for i in order])
            done = [values[i] for i, at in zip(order, spent, strict=True) if at <= budget]
            least.append(min(done, default=math.inf))
        share = np.mean(np.isinf(least))
        assert math.isinf(mean) == bool(share > 0)
        if not share:
            error = np.std(least) / math.sqrt(1000)
            assert abs(mean - np.mean(least)) <= 4 * error + 1e-12
            for ours, share in ((low, 0.05), (high, 0.95)):  # 1,000 orders miss it by a little
                near = np.quantile(least, [share - 0.03, share + 0.03], method="inverted_cdf")
                assert near[0] <= ours <= near[1]
    assert means[-1] == pytest.approx(0.2)


def test_with_equal_costs_budgets_are_numbers_of_draws() -> None:
    generator = np.random.default_rng(4)
    values = list(generator.exponential(size=12))
    by_draws, low, high = least_of(values, range(1, 13))
    by_cost, low_cost, high_cost = least_within(values, [0.1] * 12, [0.1 * b for b in range(1, 13)])
    assert by_cost == pytest.approx(by_draws, rel=0.15)
    assert by_cost[-1] == pytest.approx(by_draws[-1])
    assert list(low_cost) == list(low)
    assert (np.abs(high_cost - high) <= np.ptp(values) / 4).all()


def test_it_is_the_same_each_time() -> None:
    once, again = (least_within(VALUES, [1.0] * 7, [2.0, 3.0]) for _ in range(2))
    assert np.array_equal(once, again)
