"""Curves side by side: bands where both ends are known, marks that hide none, places apart."""

from __future__ import annotations

import pytest

from vrtune.figures.curves import APART, Way, apart, draw_bands, draw_lines
from vrtune.figures.style import axes

X = [1.0, 2.0, 3.0, 4.0]


def test_places_far_apart_stay() -> None:
    assert apart([3.0, 1.0, 2.0]) == pytest.approx([3.0, 1.0, 2.0])
    assert apart([]) == []


def test_equal_places_move_around_their_middle() -> None:
    step = 10 * APART
    assert apart([0.0, 10.0, 10.0, 10.0]) == pytest.approx([0.0, 10 - step, 10, 10 + step])


def test_places_on_a_log_axis() -> None:
    low, first, second = apart([1.0, 100.0, 100.0], log=True)
    assert low == pytest.approx(1.0)
    assert second / first == pytest.approx(10 ** (2 * APART))
    assert first * second == pytest.approx(100.0**2)


def test_one_place_alone_and_at_zero() -> None:
    assert apart([5.0]) == [5.0]
    first, second = apart([0.0, 0.0])
    assert first < 0 < second


def test_a_band_has_gaps_where_an_end_is_not_known() -> None:
    figure = axes("x", "y")
    way = Way(0, "a", [*X, 5.0], [1.0] * 5, [0.5, 0.6, None, 0.5, 0.5], [1.5, 1.6, 1.5, 1.5, 1.5])
    draw_bands(figure, [way])
    first, second = figure.data
    assert (first.x, first.y) == ((1, 2, 2, 1), (1.5, 1.6, 0.6, 0.5))
    assert second.x == (4, 5, 5, 4)


def test_the_band_of_steps_has_steps() -> None:
    figure = axes("x", "y")
    draw_bands(figure, [Way(0, "a", X[:2], [1, 1], [1.0, 0.0], [2.0, 3.0], shape="hv")])
    (band,) = figure.data
    assert band.x == (1, 2, 2, 2, 2, 1)
    assert band.y == (2.0, 2.0, 3.0, 0.0, 1.0, 1.0)


def test_no_band_without_width() -> None:
    figure = axes("x", "y")
    draw_bands(figure, [Way(0, "a", X, [1.0] * 4, [1.0] * 4, [1.0] * 4)])
    assert not figure.data


def test_a_point_between_gaps_has_a_mark() -> None:
    figure = axes("x", "y")
    none = [None] * 4
    draw_lines(figure, [Way(1, "a", X, [1.0, None, 1.0, 1.0], none, none)])
    (marks,) = [t for t in figure.data if t.mode == "markers"]
    assert marks.x == (1.0, 3.0)


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_about_six_marks_or_so(count: int) -> None:
    figure = axes("x", "y")
    x, none = [float(i) for i in range(count)], [None] * count
    draw_lines(figure, [Way(7, "a", x, x, none, none)])
    (marks,) = [t for t in figure.data if t.mode == "markers"]
    assert min(count, 1) <= len(marks.x) <= 7
