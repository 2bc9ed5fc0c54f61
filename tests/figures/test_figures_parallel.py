"""Parallel coordinates: each line through its values, the best on top, all that is cut off said."""

from __future__ import annotations

import pytest
from optuna.distributions import CategoricalDistribution
from reference.literal_trials import LR, tried, tuned

from vrtune.figures.parallel import Line, Parallel, compute, draw
from vrtune.figures.scales import Parameter, Place

RANGES = {"lr": LR, "kind": CategoricalDistribution(["a", "<i>"])}
TRIALS = [
    tried(0, params={"lr": 0.01, "kind": "<i>"}, ranges=RANGES, value=1.0),
    tried(1, params={"lr": 1.0, "kind": "a"}, ranges=RANGES, value=0.1),
    tried(2, "pruned", params={"lr": 1e-4, "kind": "a"}, ranges=RANGES),
    tried(3, "diverged", params={"lr": 0.1, "kind": "a"}, ranges=RANGES),
    tried(4, "running", params={"lr": 0.1, "kind": "a"}, ranges=RANGES),
    tried(5, params={"lr": 0.1}, ranges={"lr": LR}, value=0.5),
]


def lines(figure) -> list:
    return [t for t in figure.data if t.mode == "lines+markers" and t.showlegend is False]


def test_lines_of_those_that_ended_the_best_last() -> None:
    data = compute(tuned(TRIALS, choice=1))
    assert data is not None
    assert [(line.trial, line.value) for line in data.lines] == [
        (2, None), (3, None), (0, 1.0), (5, 0.5), (1, 0.1),
    ]  # fmt: skip
    assert [where.at for where in data.lines[-1].places] == [1.0, 0.0]
    assert [where.at for where in data.lines[3].places] == [0.1, None]


def test_nothing_for_one_parameter_or_without_complete_trials() -> None:
    assert compute(tuned([tried(0, params={"lr": 0.1}, value=1.0)])) is None
    assert compute(tuned(TRIALS[2:5])) is None
    assert compute(tuned([])) is None


def test_a_line_meets_each_axis_at_its_value() -> None:
    data = compute(tuned(TRIALS, choice=1))
    assert data is not None
    (panel,) = draw(data)
    drawn = lines(panel.figure)
    pruned, *_, best, choice = drawn
    assert pruned.y == (0.0, 0.0, None, None)
    assert best.y == choice.y == (1.0, 0.0, 0.0, None)  # the loss is the lowest
    worst = next(t for t in drawn if t.y[2] == 1.0)
    assert worst.y == (pytest.approx(0.5), 1.0, 1.0, None)
    gap = next(t for t in drawn if t.y[1] is None and t.y[2] is not None)
    assert gap.y[2] == pytest.approx(0.69897)  # log scale from 0.1 to 1
    assert choice.line.width > best.line.width


def test_ticks_are_real_values_and_names_no_html() -> None:
    data = compute(tuned(TRIALS, choice=1))
    assert data is not None
    (panel,) = draw(data)
    texts = {text for trace in panel.figure.data for text in trace.text or ()}
    assert {"0.01", "0.1", "1", "a", "&lt;i&gt;", "<b>lr</b>", "<b>loss</b>"} <= texts
    assert "<i>" not in texts
    named = {trace.name for trace in panel.figure.data if trace.name}
    assert named == {"pruned (1)", "diverged (1)", "choice: trial 1"}
    assert panel.columns == ("trial", "state", "lr", "kind", "validation_loss", "chosen")
    assert [4 in row for row in panel.rows] == [False] * 5
    assert list(panel.rows[-1]) == [1, "complete", 1.0, "a", 0.1, True]


def test_of_many_parameters_five_are_drawn() -> None:
    params = {f"p{i}": 0.1 for i in range(7)}
    data = compute(tuned([tried(0, params=params, value=1.0)]))
    assert data is not None
    assert (len(data.parameters), data.searched) == (5, 7)
    assert "Of 7 parameters 5 are drawn" in draw(data)[0].how


@pytest.mark.parametrize("loss", [1e308, 5e-324, 0.0, -1.0, 1.0])
def test_losses_of_any_size(loss: float) -> None:
    trials = [tried(i, params={"a": 0.1, "b": 0.2}, value=v) for i, v in enumerate([loss, 1.0])]
    data = compute(tuned(trials))
    assert data is not None
    (panel,) = draw(data)
    assert all(0 <= y <= 1 for line in lines(panel.figure) for y in line.y if y is not None)


@pytest.mark.parametrize("name", ["lr", "start_share", "\u2028" * 9])
def test_the_first_name_is_in_the_figure(name: str) -> None:
    axes = (Parameter(name, 0.0, 1.0), Parameter("b", 0.0, 1.0))
    line = Line(0, "complete", (Place(0.1, 0.1), Place(0.2, 0.2)), 0.5)
    (panel,) = draw(Parallel("s", "l", axes, 2, (line,), 0))
    heading = next(t for t in panel.figure.data if t.textposition == "top center").text[0]
    letters = len(heading) - len("<b></b>")
    assert panel.figure.layout.margin.l >= 3.5 * letters
