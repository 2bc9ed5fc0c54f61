"""Where the time went: shares by hand."""

from __future__ import annotations

import pytest
from reference.literal_trials import search_entry, tuned

from vrtune.figures.style import look
from vrtune.figures.time import compute, draw

FIRST = {
    "training": 6.0, "judging": 1.0, "seating": 1.0, "beside": 3.0, "total": 10.0,
    "offered": 20.0, "taken": 10.0,
}  # fmt: skip
SECOND = {
    "training": 8.0, "judging": 1.0, "seating": 0.0, "beside": 1.0, "total": 10.0,
    "offered": 10.0, "taken": 10.0,
}  # fmt: skip


def test_the_searches_of_a_study_together() -> None:
    found = compute([tuned([], searches=[search_entry(5.0, **FIRST), search_entry(7.0, **SECOND)])])
    assert found is not None
    (times,) = found
    assert (times.training, times.judging, times.seating, times.waiting) == (14.0, 2.0, 1.0, 3.0)
    assert (times.beside, times.total, times.seconds) == (4.0, 20.0, 12.0)
    assert times.occupancy == pytest.approx(2 / 3)


def test_studies_that_do_not_say_are_left_out_and_others_keep_their_colour() -> None:
    cut_off = search_entry(None)
    assert compute([tuned([]), tuned([], searches=[cut_off])]) is None
    found = compute([tuned([]), tuned([], label="b", searches=[cut_off, search_entry(**FIRST)])])
    assert found is not None
    (times,) = found
    assert (times.label, times.place, times.total) == ("b", 1, 10.0)
    (panel,) = draw(found)
    assert panel.figure.data[0].marker.line.color == (look(1).colour,)


def test_an_older_entry_lacks_some_times() -> None:
    older = {"training": 5.0, "total": 10.0}
    found = compute([tuned([], searches=[search_entry(**older)])])
    assert found is not None
    assert (found[0].waiting, found[0].occupancy) == (5.0, None)
    assert draw(found)[0].figure.data[-1].text == ("<b>sgd</b>: 10 s",)


def test_shares_add_up_and_what_is_beside_lies_beneath() -> None:
    found = compute([tuned([], searches=[search_entry(**FIRST)])])
    assert found is not None
    (panel,) = draw(found)
    bars = [t for t in panel.figure.data if t.type == "bar" and t.showlegend is False]
    parts = {bar.legendgroup: (bar.base[0], bar.x[0]) for bar in bars}
    assert parts == {
        "training": (0.0, 0.6),
        "judging": (0.6, 0.1),
        "seating": (pytest.approx(0.7), 0.1),
        "waiting": (pytest.approx(0.8), 0.2),
        "beside": (0.0, 0.3),
    }
    assert bars[-1].y[0] > bars[0].y[0]
    assert bars[-1].width < bars[0].width
    assert panel.figure.data[-1].text == ("<b>sgd</b>: 10 s, slots 50&#37; full",)
    assert "60.0&#37;" in bars[0].hovertext[0]
    assert list(panel.rows[0]) == [
        "sgd-study", "sgd", 6.0, 1.0, 1.0, 2.0, 3.0, 10.0, 10.0, 0.5,
    ]  # fmt: skip
