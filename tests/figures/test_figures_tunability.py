"""What tuning brings: curves given by hand, what they are called, and where they come from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from reference.literal_trials import tried, tuned

from vrtune.comparing.tunability import Budgeted
from vrtune.comparing.tuned import Tuned
from vrtune.figures.style import look
from vrtune.figures.tunability import Curve, compute, draw


def budgeted(label: str = "sgd", **changes: Any) -> Budgeted:
    given = {
        "label": label,
        "over": "trials",
        "how": "expected",
        "x": [1.0, 2.0],
        "mean": [0.5, 0.4],
        "low": [0.3, 0.2],
        "high": [0.9, 0.8],
        "studies": [f"{label}-study"],
        "note": "a note",
        "measure": "validation loss",
        "direction": "minimize",
    }
    return Budgeted.model_validate({**given, **changes})


SO_FAR = {"how": "best so far", "low": [None, None], "high": [None, None]}


def method(label: str, *values: float, sampler: str) -> Tuned:
    """A complete trial for each value, of 100 gradient computations."""
    trials = [
        replace(tried(i, value=value, spent=100.0), sampler=sampler)
        for i, value in enumerate(values)
    ]
    return tuned(trials, label=label, choice=0)


def test_random_trials_have_an_expectation_and_others_the_best_so_far() -> None:
    found = compute(
        [
            tuned([], label="none"),
            method("sgd", 0.5, 0.3, sampler="auto"),
            replace(method("adam", 0.6, 0.4, sampler="random"), study="other"),
        ]
    )
    assert found is not None
    assert [(c.place, c.of.label, c.of.how, c.of.over) for c in found] == [
        (1, "sgd", "best so far", "trials"),
        (1, "sgd", "best so far", "gradient computations"),
        (2, "adam", "expected", "trials"),
        (2, "adam", "expected", "gradient computations"),
    ]
    assert found[0].of.mean == [0.5, 0.3]
    assert found[2].of.mean == [pytest.approx(0.5), pytest.approx(0.4)]


def test_none_without_a_complete_trial() -> None:
    assert compute([]) is None
    assert compute([tuned([tried(0, "pruned", spent=1.0)])]) is None


def test_expectations_are_lines_with_bands_and_searches_are_steps() -> None:
    (panel,) = draw([Curve(0, budgeted()), Curve(1, budgeted("adam", **SO_FAR))])
    lines = [t for t in panel.figure.data if t.mode == "lines" and not t.fill]
    assert [line.line.shape for line in lines] == ["linear", "hv"]
    assert [line.line.color for line in lines] == [look(0).colour, look(1).colour]
    assert len([t for t in panel.figure.data if t.fill]) == 1
    names = [t.name for t in panel.figure.data if t.showlegend is not False]
    assert names == ["sgd, expected", "adam, best so far"]
    assert "bands hold 90 %" in panel.how
    assert "no expectation" in panel.how


def test_what_all_curves_are_is_said_once() -> None:
    (panel,) = draw([Curve(0, budgeted(**SO_FAR)), Curve(1, budgeted("adam", **SO_FAR))])
    assert panel.figure.layout.legend.title.text == "best so far"
    assert [t.name for t in panel.figure.data if t.showlegend is not False] == ["sgd", "adam"]
    assert panel.how.startswith("Steps are")


def test_repeats_are_said() -> None:
    several = budgeted(how="best so far", studies=["a", "b"])
    (panel,) = draw([Curve(0, several)])
    assert "searches differ in their seed alone" in panel.how
    assert [t for t in panel.figure.data if t.fill]


def test_a_panel_over_each_and_the_table_of_what_is_drawn() -> None:
    work = budgeted(over="gradient computations", x=[100.0, 9000.0], mean=[None, 0.4])
    over_work, over_trials = draw([Curve(0, budgeted()), Curve(0, work)])
    assert (over_work.name, over_trials.name) == (
        *("tunability-over-gradients", "tunability-over-trials"),
    )
    assert over_work.figure.layout.xaxis.type == "log"
    assert over_trials.figure.layout.xaxis.type is None
    assert over_work.rows == [
        ("sgd", "sgd-study", "expected", None, 100.0, None, 0.3, 0.9, "a note"),
        ("sgd", "sgd-study", "expected", None, 9000.0, 0.4, 0.2, 0.8, "a note"),
    ]
    assert over_trials.rows[1][3:6] == (2.0, None, 0.4)
    lines = [t for t in over_work.figure.data if t.mode == "lines" and not t.fill]
    assert lines[0].y == (None, 0.4)


def test_foreign_names_are_plain() -> None:
    (panel,) = draw([Curve(0, budgeted("<b>$x$</b>"))])
    assert "<b>" not in "".join(f"{t.name}{t.hovertemplate}" for t in panel.figure.data)
    assert panel.rows[0][0] == "<b>$x$</b>"
