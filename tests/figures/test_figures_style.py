"""The look of all figures: axes by what lies on them, foreign texts, room for the legend."""

from __future__ import annotations

import pytest

from vrtune.figures.style import (
    COLOURS,
    HEIGHT_PX,
    LINE_PX,
    axes,
    cost_axis,
    entry,
    epoch_axis,
    is_wide,
    look,
    loss_axis,
    make_room,
    pale,
    plain,
    short,
)


def test_many_methods_look_different() -> None:
    looks = [look(place) for place in range(32)]
    assert len({(each.colour, each.dash) for each in looks}) == 32
    assert len({(each.colour, each.mark) for each in looks[: len(COLOURS)]}) == len(COLOURS)


def test_colours_let_through_what_lies_behind() -> None:
    assert pale("#0072B2", 0.5) == "rgba(0,114,178,0.5)"


@pytest.mark.parametrize(
    ("values", "wide"),
    [
        *(([1.0, 20.0], True), ([1.0, 10.0], False), ([0.0, 1e9], False), ([-1.0, 1e9], False)),
        *(([], False), ([float("nan"), 1.0, 100.0, float("inf")], True)),
    ],
)
def test_what_spans_much_and_is_positive_gets_a_log_axis(values: list[float], wide: bool) -> None:
    assert is_wide(values) is wide
    assert (loss_axis(values).get("type") == "log") is wide


def test_ticks_of_a_log_axis_that_leave_room() -> None:
    assert loss_axis([0.1, 10.0])["dtick"] == "D2"
    assert "dtick" not in loss_axis([1e-5, 10.0])
    assert cost_axis([100.0, 10_000.0], log=True)["dtick"] == "D2"


def test_costs_begin_at_zero_where_they_can() -> None:
    assert cost_axis() == {"tickformat": "~s", "rangemode": "tozero"}


def test_no_ticks_between_epochs() -> None:
    assert epoch_axis(6)["dtick"] == 1
    assert "dtick" not in epoch_axis(200)


def test_foreign_texts_are_shown_letter_by_letter() -> None:
    assert plain("<b>&%{x}$y$\n") == "&lt;b&gt;&amp;&#37;{x}&#36;y&#36;\\n"


def test_long_names_keep_both_ends() -> None:
    assert short("sgd") == "sgd"
    assert short("0123456789", 10) == "0123456789"
    assert short("0123456789", 7) == "012…789"
    assert short("0123456789", 6) == "01…789"


def test_an_entry_of_the_legend_is_plain_and_has_its_note_below() -> None:
    figure = axes("x", "y")
    entry(figure, "<i>", "0", note="1 of <3>", mode="lines")
    (trace,) = figure.data
    assert trace.name == "&lt;i&gt;<br>1 of &lt;3&gt;"
    assert (trace.x, trace.legendgroup) == ((None,), "0")


@pytest.mark.parametrize(
    ("names", "lines"),
    [(["sgd"], 1), (["sgd"] * 4, 1), (["sgd"] * 5, 2), (["x" * 30] * 11, 11), ([], 1)],
)
def test_the_legend_gets_its_lines(names: list[str], lines: int) -> None:
    figure = axes("x", "y")
    for name in names:
        entry(figure, name, name, mode="lines")
    assert make_room(figure).layout.height == HEIGHT_PX + LINE_PX * (lines - 1)


def test_a_note_and_a_title_take_a_line_each() -> None:
    figure = axes("x", "y")
    entry(figure, "sgd", "0", note="of 3", mode="lines")
    figure.update_layout(legend={"title": {"text": "expected"}})
    assert make_room(figure).layout.height == HEIGHT_PX + 2 * LINE_PX


def test_quotes_are_shown_as_they_are() -> None:
    """Plotly would show their names letter by letter."""
    assert plain("a\"b'c") == "a\"b'c"


def test_losses_that_are_as_good_as_zero_have_an_axis() -> None:
    """Plotly fails on a shorter one."""
    low, high = loss_axis([1e-320, 5e-320])["range"]
    assert high - low > 1
    assert "range" not in loss_axis([0.5, 0.6])
    assert "range" not in loss_axis([0.5])
