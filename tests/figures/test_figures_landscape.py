"""Losses over parameters: data by hand, no mark hidden, no axis stretched."""

from __future__ import annotations

import csv
import io
import math

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from reference.literal_trials import LR, tried, tuned

from vrtune.figures.landscape import compute, draw
from vrtune.figures.panel import Panel

TRIALS = [
    tried(0, params={"lr": 0.1}, value=0.5, losses={1: (1.0,), 3: (0.4, 0.6)}),
    tried(1, "pruned", params={"lr": 1e-3}, losses={1: (2.0, 3.0)}),
    tried(2, "diverged", params={"lr": 1.0}, losses={1: (1e9, math.nan)}),
    tried(3, "failed", params={"lr": 0.5}),
    tried(4, params={"lr": 0.2}, value=0.25, losses={3: (0.25,)}),
    tried(5, "running", params={"lr": 0.3}, losses={1: (1.0,)}),
    tried(6, "queued"),
]


def drawn(*trials, **given) -> list[Panel]:
    data = compute(tuned(trials, **given))
    assert data is not None
    return draw(data)


def traces(panel: Panel) -> dict[str, object]:
    return {trace.name: trace for trace in panel.figure.data if trace.name}


def test_every_trial_that_ended_has_a_place() -> None:
    data = compute(tuned(TRIALS, choice=4))
    assert data is not None
    assert [(p.trial, p.state, p.places[0].at, p.value, p.epochs) for p in data.points] == [
        (0, "complete", 0.1, 0.5, 3),
        (1, "pruned", 1e-3, 2.5, 1),
        (2, "diverged", 1.0, None, 1),
        (3, "failed", 0.5, None, 0),
        (4, "complete", 0.2, 0.25, 3),
    ]
    assert (data.choice, data.searched) == (4, 1)


def test_a_complete_trial_without_a_finite_loss_counts_as_diverged() -> None:
    data = compute(tuned([*TRIALS, tried(7, params={"lr": 0.1}, value=None)]))
    assert data is not None
    assert data.points[-1].state == "diverged"


def test_nothing_is_drawn_without_complete_trials_or_parameters() -> None:
    assert compute(tuned([])) is None
    assert compute(tuned(TRIALS[1:4])) is None
    assert compute(tuned([tried(0, value=1.0)])) is None


def test_one_parameter_all_marks_and_the_whole_range() -> None:
    (panel,) = drawn(*TRIALS, choice=4)
    by_name = traces(panel)
    assert set(by_name) == {
        "complete", "pruned (1)", "diverged (1)", "failed (1)", "choice: trial 4"
    }  # fmt: skip
    assert (by_name["complete"].x, by_name["complete"].y) == ((0.1, 0.2), (0.5, 0.25))
    assert by_name["pruned (1)"].y == (2.5,)
    axis = panel.figure.layout.xaxis
    assert axis.type == "log"
    assert axis.range[0] < math.log10(1e-4) < math.log10(1.0) < axis.range[1]
    assert panel.study == "sgd-study"


def test_what_has_no_loss_lies_on_a_strip_of_its_own() -> None:
    """It neither stretches the axis of losses nor is cut off by it."""
    (panel,) = drawn(*TRIALS, choice=4)
    by_name = traces(panel)
    assert by_name["diverged (1)"].yaxis == by_name["failed (1)"].yaxis == "y2"
    assert panel.figure.layout.yaxis.domain[1] < panel.figure.layout.yaxis2.domain[0]
    assert panel.figure.layout.yaxis.range is None  # fits what is drawn
    (panel,) = drawn(*TRIALS[:2])
    assert panel.figure.layout.yaxis.domain is None
    assert "yaxis2" not in panel.figure.layout


def test_a_panel_a_pair_in_which_colours_say_the_loss() -> None:
    ranges = dict.fromkeys("kwc", LR)
    trials = [
        tried(i, params=dict.fromkeys("kwc", at), ranges=ranges, value=value)
        for i, (at, value) in enumerate([(1e-3, 10.0), (1e-2, 0.1), (0.1, 1.0)])
    ]
    panels = drawn(*trials, tried(3, "diverged", dict.fromkeys("kwc", 1.0), ranges), choice=1)
    assert [p.name for p in panels] == ["landscape-k-w", "landscape-k-c", "landscape-w-c"]
    marks = [t for t in panels[0].figure.data if t.legendgroup == "complete"]
    assert marks[0].x == (1e-3, 0.1, 1e-2)  # the best on top
    assert marks[0].marker.color == pytest.approx((1.0, 0.0, -1.0))
    assert panels[0].figure.layout.coloraxis.cmin == -1.0
    assert panels[0].figure.layout.coloraxis.cmax == 1.0
    names = traces(panels[0])
    assert {"complete", "diverged (1)", "choice: trial 1"} <= set(names)
    assert names["choice: trial 1"].x == (1e-2,)


def test_trials_of_one_choice_lie_side_by_side() -> None:
    ranges = {"kind": CategoricalDistribution(["a", "<b>", None])}
    trials = [tried(i, params={"kind": "<b>"}, ranges=ranges, value=1.0 + i) for i in range(5)]
    (panel,) = drawn(*trials, choice=0)
    x = traces(panel)["complete"].x
    assert len(set(x)) == 5
    assert all(abs(each - 1) < 0.5 for each in x)
    assert panel.figure.layout.xaxis.ticktext == ("a", "&lt;b&gt;", "None")
    assert [row["kind"] for row in csv.DictReader(io.StringIO(panel.csv()))] == ["<b>"] * 5


def test_the_table_holds_what_is_drawn() -> None:
    (panel,) = drawn(*TRIALS, choice=4)
    rows = list(csv.reader(io.StringIO(panel.csv())))
    assert rows[0] == ["trial", "state", "lr", "validation_loss", "epochs", "chosen"]
    assert rows[1] == ["0", "complete", "0.1", "0.5", "3", "False"]
    assert rows[3] == ["2", "diverged", "1.0", "", "1", "False"]
    assert rows[5][-1] == "True"
    assert len(rows) == 6


def test_trials_without_a_parameter_are_left_out_and_counted() -> None:
    ranges = {"a": LR, "b": LR}
    trials = [tried(i, params={"a": 0.1, "b": 0.1}, ranges=ranges, value=1.0) for i in range(2)]
    trials.append(tried(2, params={"a": 0.1}, value=2.0))
    (panel,) = drawn(*trials)
    assert len(panel.rows) == 2
    assert "without a value are left out: 1." in panel.how
    assert "in one place the best lies on top" in panel.how


def test_of_many_parameters_four_are_drawn() -> None:
    names = [f"p{i}" for i in range(6)]
    trials = [tried(i, params=dict.fromkeys(names, 0.1), value=1.0) for i in range(3)]
    panels = drawn(*trials)
    assert len(panels) == 6
    assert "Of 6 parameters 4 are drawn" in panels[0].how


def test_names_are_no_html_and_lead_nowhere() -> None:
    ranges = {"../<b>x": LR, "y": FloatDistribution(0.0, 1.0)}
    params = {"../<b>x": 0.1, "y": 0.5}
    (panel,) = drawn(tried(0, params=params, ranges=ranges, value=1.0))
    assert panel.figure.layout.xaxis.title.text == "../&lt;b&gt;x"
    assert "<b>x" not in panel.figure.data[0].text[0]
    assert "/" not in panel.name
    assert "<" not in panel.name
    assert panel.columns[2] == "../<b>x"


@pytest.mark.parametrize("loss", [1e308, 5e-324, 0.0, -1.0, 1.0])
@pytest.mark.parametrize("names", ["a", "ab"])
def test_losses_and_values_of_any_size(loss: float, names: str) -> None:
    wide = FloatDistribution(-1e308, 1e308)
    trials = [
        tried(i, params=dict.fromkeys(names, value), ranges=dict.fromkeys(names, wide), value=end)
        for i, (value, end) in enumerate([(1e308, loss), (-1e308, 1.0)])
    ]
    (panel,) = drawn(*trials, choice=0)
    assert len(panel.rows) == 2
