"""Figures for a paper: sizes by the column's width and the letters."""

from __future__ import annotations

import pytest

from vrtune.figures.style import HEIGHT_PX, axes
from vrtune.reporting.paper import Paper, on_paper

HALF = Paper(width_cm=8.5, font_pt=13 * 72 / 96 / 2)  # letters half as large as on the page


def test_a_column_in_pixels() -> None:
    paper = Paper(width_cm=2.54, font_pt=72)
    assert paper.width == pytest.approx(96)
    assert paper.font == pytest.approx(96)


def test_letters_lines_and_marks_shrink_alike() -> None:
    figure = axes("x", "y")
    figure.add_scatter(
        x=[1, 2],
        y=[3, 4],
        line={"width": 3, "color": "red"},
        marker={"size": [4, 8], "line": {"width": 2}},
        error_y={"array": [1, 1], "width": 4, "thickness": 2},
        name="size",
    )
    figure.add_annotation(text="here", font={"size": 10}, x=1, y=3)
    drawn = on_paper(figure, HALF)
    (trace,), layout = drawn["data"], drawn["layout"]
    assert trace["line"] == {"width": 1.5, "color": "red"}
    assert list(trace["marker"]["size"]) == [2, 4]
    assert trace["error_y"]["thickness"] == 1
    assert list(trace["error_y"]["array"]) == [1, 1]
    assert list(trace["x"]) == [1, 2]
    assert layout["font"]["size"] == pytest.approx(6.5)
    assert layout["annotations"][0]["font"]["size"] == 5
    assert layout["annotations"][0]["y"] == 3
    assert layout["margin"]["l"] == figure.layout.margin.l / 2
    assert layout["width"] == round(8.5 / 2.54 * 96)


def test_a_figure_is_flat_and_has_room_for_its_legend() -> None:
    short, tall = axes("x", "y"), axes("x", "y", height=HEIGHT_PX + 100)
    heights = [on_paper(figure, Paper())["layout"]["height"] for figure in (short, tall)]
    assert heights[0] < Paper().width
    assert heights[1] - heights[0] == pytest.approx(100 * Paper().font / 13, abs=1)
    low = on_paper(axes("", "", height=100), Paper())["layout"]["height"]
    assert low < 100
    wide = on_paper(short, Paper(width_cm=30))["layout"]
    assert wide["height"] >= 0.44 * wide["width"]


def test_the_figure_itself_stays_as_it_is() -> None:
    figure = axes("x", "y")
    before = figure.to_json()
    on_paper(figure, HALF)
    assert figure.to_json() == before
