"""Perfect scaling, diminishing returns, no gain: by steps that are written down."""

from __future__ import annotations

from itertools import product

import pytest

from vrtune.scaling.regions import critical, gains, regions

SIZES = (32, 64, 128, 256, 512)


def along(*steps: float) -> list[tuple[int, float]]:
    return [*zip(SIZES, steps, strict=False)]


def test_a_gain_is_the_slope_in_logarithms() -> None:
    found = gains(along(1600, 800, 800, 1600))
    assert found == [None, pytest.approx(1), pytest.approx(0), pytest.approx(-1)]
    assert gains([(10, 100.0), (1000, 10.0)])[1] == pytest.approx(0.5)
    assert gains(along(3)) == [None]
    assert gains([]) == []


def test_the_three_regions_in_their_order() -> None:
    assert regions(along(1600, 820, 560, 400, 390)) == [
        *(None, "perfect scaling", "diminishing returns", "diminishing returns", "no gain")
    ]


@pytest.mark.parametrize(
    ("steps", "last"),
    [
        ((1000, 500), "perfect scaling"),
        ((1000, 625), "perfect scaling"),  # 1.25 times the ideal
        ((1000, 630), "diminishing returns"),
        ((1000, 860), "diminishing returns"),
        ((1000, 871), "no gain"),  # 2^-0.2 = 0.8706
        ((1000, 3000), "no gain"),
    ],
)
def test_where_a_region_begins(steps: tuple[float, float], last: str) -> None:
    assert regions(along(*steps)) == [None, last]


def test_a_later_gain_ends_the_region_without() -> None:
    assert regions(along(1000, 990, 500, 490)) == [
        *(None, "diminishing returns", "diminishing returns", "no gain")
    ]


def test_of_few_points_little_is_said() -> None:
    assert regions([]) == []
    assert regions(along(10)) == [None]
    assert critical(along(10, 5)) is None


def test_the_critical_batch_size_of_its_own_curve() -> None:
    """S = 40 + 6400 / B, so B_crit = 160."""
    found = critical([(b, 40 + 6400 / b) for b in SIZES])
    assert found is not None
    assert found.steps == pytest.approx(40)
    assert found.samples == pytest.approx(6400)
    assert found.batch_size == pytest.approx(160)
    assert found.error == pytest.approx(0, abs=1e-9)


def test_it_is_the_least_of_relative_errors() -> None:
    """No neighbour on a fine grid describes steps with noise any better."""
    points = along(260.0, 130.0, 99.0, 60.0, 55.0)

    def error(fewest: float, samples: float) -> float:
        return sum(((fewest + samples / b) / s - 1) ** 2 for b, s in points)

    found = critical(points)
    assert found is not None
    least = error(found.steps, found.samples)
    around = product((0.9, 0.99, 1.0, 1.01, 1.1), repeat=2)
    assert least <= min(error(found.steps * a, found.samples * b) for a, b in around) + 1e-12


def test_perfect_scaling_and_none_have_no_critical_batch_size() -> None:
    perfect = critical([(b, 6400 / b) for b in SIZES])
    level = critical([(b, 50.0) for b in SIZES])
    worse = critical([(b, 50.0 + b) for b in SIZES])
    assert perfect is not None
    assert level is not None
    assert worse is not None
    assert perfect.batch_size is None or perfect.batch_size > 1e6  # but for rounding
    assert level.batch_size is None or level.batch_size < 1e-3
    assert (worse.samples, worse.batch_size) == (0.0, None)
