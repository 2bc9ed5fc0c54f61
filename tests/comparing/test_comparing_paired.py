"""The statistics of paired values, held against other packages' numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from vrtune.comparing.paired import holm, paired

FIRST, SECOND = [0.31, 0.28, 0.35, 0.30], [0.36, 0.27, 0.41, 0.34]
TEN = [0.317, 0.341, 0.317, 0.235, 0.345, 0.322, 0.273, 0.329, 0.318, 0.315]
OTHER_TEN = [0.331, 0.357, 0.293, 0.322, 0.306, 0.36, 0.332, 0.315, 0.291, 0.317]


@pytest.mark.parametrize(
    ("first", "second", "correlation", "probabilities"),
    [
        # baycomp 1.0.3: CorrelatedTTest(second, first, rope=.01 * .31).probs()
        (FIRST, SECOND, 0.25, (0.8641330644972426, 0.03239031190402375, 0.10347662359873366)),
        (TEN, OTHER_TEN, 0.1, (0.6632013647453359, 0.10636111285909622, 0.23043752239556792)),
    ],
)
def test_probabilities_are_those_of_baycomp(
    first: list[float],
    second: list[float],
    correlation: float,
    probabilities: tuple[float, float, float],
) -> None:
    found = paired(first, second, correlation=correlation, rope=0.01)
    told = (found.first_better, found.equal, found.second_better)
    assert told == pytest.approx(probabilities, abs=1e-12)


def test_p_and_interval_belong_to_the_same_t() -> None:
    found = paired(FIRST, SECOND, correlation=0.25)
    assert found.mean == pytest.approx(-0.035)
    scale = math.sqrt(0.000563888888888889)  # baycomp's variance
    assert found.p == pytest.approx(2 * stats.t.cdf(-0.035 / scale, 3))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 3, -0.035, scale))
    assert (found.first_better, found.equal, found.second_better) == (None, None, None)


def test_without_correlation_it_is_the_paired_t_test() -> None:
    found, other = paired(TEN, OTHER_TEN, alpha=0.1), stats.ttest_rel(TEN, OTHER_TEN)
    interval = other.confidence_interval(0.9)
    assert found.p == pytest.approx(other.pvalue, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_the_two_sides_are_treated_alike() -> None:
    one = paired(FIRST, SECOND, correlation=0.25, rope=0.01)
    other = paired(SECOND, FIRST, correlation=0.25, rope=0.01)
    assert one.p == pytest.approx(other.p)
    assert one.low == pytest.approx(-(other.high or 0))
    assert one.first_better == pytest.approx(other.second_better)


def test_one_value_says_nothing_of_the_spread() -> None:
    found = paired([0.3], [0.4], rope=0.01)
    assert (found.mean, found.p, found.equal) == (None, None, None)
    assert "one value" in found.note


def test_the_same_values_do_not_differ() -> None:
    found = paired(FIRST, list(FIRST), correlation=0.25, rope=0.01)
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert (found.first_better, found.equal, found.second_better) == (0, 1, 0)
    assert found.note == "the same values"


def test_the_same_difference_each_time_is_put_to_the_sign_test() -> None:
    """Also where floating point makes it vary in its last digits: t would be without bounds."""
    first, second = [1.3, 1.1, 0.9], [1.2, 1.0, 0.8]
    assert len({a - b for a, b in zip(first, second, strict=True)}) > 1
    found = paired(first, second)
    assert found.p == pytest.approx(0.25)
    assert found.mean == pytest.approx(0.1)
    assert (found.low, found.high) == (None, None)
    assert "sign test" in found.note


@pytest.mark.parametrize("huge", [1e200, 1e308])
def test_values_that_are_too_large_are_named(huge: float) -> None:
    found = paired([huge, 1.0, 2.0], [-huge, 1.0, 3.0], rope=0.01)
    assert found.p is None
    assert "too large" in found.note


def test_probabilities_lie_between_0_and_1_however_sure() -> None:
    found = paired([1.0, 1.0, 1.0, 1.0], [2.0, 2.1, 2.0, 2.1], correlation=0.25, rope=0.01)
    told = (found.first_better, found.equal, found.second_better)
    assert all(v is not None and 0 <= v <= 1 for v in told)
    assert sum(v or 0 for v in told) == pytest.approx(1)


def test_holm_is_that_of_statsmodels() -> None:
    """statsmodels 0.15, multipletests(method="holm"): ties keep the order, 1 is the most."""
    given = [0.01, 0.04, 0.03, 0.005, 0.9, 0.011]
    assert holm(given) == pytest.approx([0.05, 0.09, 0.09, 0.03, 0.9, 0.05], abs=1e-12)
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.2]) == [0.2]


def test_equal_methods_differ_in_as_many_cases_as_alpha_says() -> None:
    """With differences correlated by rho = 1/K: 2,000 comparisons, binomial 99.9 % interval."""
    generator, folds, cases = np.random.default_rng(1), 4, 2000
    shared = math.sqrt(1 / folds) * generator.normal(size=(cases, 1))
    own = math.sqrt(1 - 1 / folds) * generator.normal(size=(cases, folds))
    tests = [paired(list(row), [0.0] * folds, correlation=1 / folds) for row in shared + own]
    found = sum(test.p is not None and test.p < 0.05 for test in tests)
    low, high = stats.binom.interval(0.999, cases, 0.05)
    assert low <= found <= high
