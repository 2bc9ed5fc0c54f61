"""What is read from a curve: made up, so that the answer is known."""

from __future__ import annotations

import math
import random

import pytest

from vrtune.ranging.curve import Found, places, smoothed, window

STEPS = 300


def made(i: float) -> float:
    """Level at 2.3, down a sigmoid around step 150 to 0.3, up a parabola from step 200 on."""
    down = 2.0 / (1 + math.exp(-(i - 150) / 10))
    return 2.3 - down + max(0.0, (i - 200) / 10) ** 2


def noisy(scale: float, seed: int = 0) -> list[float]:
    draw = random.Random(seed)
    return [made(i) + draw.gauss(0, scale) for i in range(STEPS)]


def test_smooth_is_the_mean_of_a_symmetric_window() -> None:
    """As a slow loop says it, and of a straight line the line itself: nothing is moved."""
    losses = noisy(0.1)
    h = window(STEPS)
    assert h == 7
    for i, value in enumerate(smoothed(losses)[:200]):
        around = losses[max(0, i - h) : i + h + 1]
        assert value == pytest.approx(sum(around) / len(around), rel=1e-12)
    line = [3.0 - 0.01 * i for i in range(STEPS)]
    assert smoothed(line)[h:-h] == pytest.approx(line[h:-h], rel=1e-12)


@pytest.mark.parametrize("end", [math.nan, math.inf, 1e30], ids=str)
def test_an_explosion_is_not_seen_long_before_it_happens(end: float) -> None:
    calm = smoothed([1.0] * 20 + [0.5] * 280)
    wild = smoothed([1.0] * 20 + [0.5] * 180 + [end] * 100)
    assert wild[:190] == calm[:190]
    assert max(wild) == pytest.approx(1.5)


@pytest.mark.parametrize("scale", [0.0, 0.1])
def test_places_of_a_known_curve(scale: float) -> None:
    """Noise of a twentieth of the fall moves no place by more than a window."""
    found = places(noisy(scale))
    assert None not in found
    begins, steepest, lowest, diverges = found
    # a tenth of 2: the sigmoid is at ln 9 of its scale before the middle; half is lost where the
    # parabola is 1
    assert begins == pytest.approx(150 - 10 * math.log(9), abs=8)
    assert steepest == pytest.approx(150, abs=8)
    assert lowest == pytest.approx(200, abs=8)
    assert diverges == pytest.approx(210, abs=8)
    assert begins < steepest < lowest < diverges


def test_a_curve_that_never_falls_has_no_places() -> None:
    draw = random.Random(1)
    level = [2.3 + draw.gauss(0, 0.1) for _ in range(STEPS)]
    assert places(level) == Found()
    assert places([2.3] * STEPS) == Found()
    assert places([math.nan] * STEPS) == Found()
    assert places([2.3 + i / 10 for i in range(STEPS)]) == Found()


def test_a_curve_that_falls_to_the_end_does_not_diverge() -> None:
    found = places([made(i) for i in range(200)])
    assert found.diverges is None
    assert found.lowest == 199


def test_losses_below_zero_are_read_alike() -> None:
    """A user's own may be any number."""
    one, other = places(noisy(0.05)), places([loss - 50 for loss in noisy(0.05)])
    assert one == other
