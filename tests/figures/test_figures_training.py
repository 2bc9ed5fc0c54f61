"""The chosen settings in training: means, ranges and costs by hand, and what is drawn of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from reference.literal_trials import tried, tuned

from vrtune.comparing.tuned import Tuned
from vrtune.figures.style import HEIGHT_PX, LINE_PX, look
from vrtune.figures.training import compute, draw
from vrtune.studies.retrained import Retrained, spread

CHOICE = tried(
    0,
    value=0.4,
    losses={1: (1.0, 0.8, 1.2, 1.0), 2: (0.3, 0.4, 0.4, 0.5)},
    costs={1: 40.0, 2: 120.0},
)
AGAIN = Retrained(
    trial=0,
    seeds=2,
    test_accuracy=spread([0.8, 0.9]),
    test_loss=spread([0.5, 0.7]),
    train_losses=[[2.0, 1.0], [3.0, 1.5]],
    gradient_computations=80.0,
)
CURVES = {"test_losses": [[1.0, 0.5], [1.2, 0.7]], "test_accuracies": [[0.5, 0.8], [0.6, 0.9]]}


def method(label: str = "sgd", **changes: Any) -> Tuned:
    """With a retraining of which some fields are other."""
    again = AGAIN.model_copy(update=changes)
    return replace(tuned([CHOICE], label=label, choice=0), again=again)


def test_train_loss_over_seeds_with_costs_spread_evenly_where_they_were_not_kept() -> None:
    found = compute([method()])
    assert found is not None
    (line,) = found["train loss"]
    assert (line.epochs, line.costs) == ((1, 2), (20.0, 40.0))
    assert (line.mean, line.low, line.high) == ((2.5, 1.25), (2.0, 1.0), (3.0, 1.5))
    assert (line.of, line.diverged, line.place) == (2, 0, 0)


def test_costs_that_were_kept() -> None:
    found = compute([method(costs=[5.0, 40.0])])
    assert found is not None
    assert [line.costs for lines in found.values() for line in lines] == [
        (5.0, 40.0),
        (10.0, 30.0),  # of one of the four folds
        (40.0,),
        (40.0,),
    ]


def test_costs_that_do_not_fit_are_spread_evenly() -> None:
    found = compute([method(costs=[5.0])])
    assert found is not None
    assert found["train loss"][0].costs == (20.0, 40.0)


def test_validation_loss_is_of_the_choice() -> None:
    found = compute([tuned([CHOICE], choice=0)])
    assert found is not None
    assert list(found) == ["validation loss"]
    (line,) = found["validation loss"]
    assert line.mean == pytest.approx((1.0, 0.4))
    assert (line.low, line.high, line.costs) == ((0.8, 0.3), (1.2, 0.5), (10.0, 30.0))


def test_test_results_are_ends_or_curves() -> None:
    found = compute([method(), method("adam", **CURVES)])
    assert found is not None
    end, curve = found["test loss"]
    assert (end.whole, end.epochs, end.mean, end.low, end.high) == (
        *(False, (2,), (pytest.approx(0.6),)),
        *((0.5,), (0.7,)),
    )
    assert (curve.whole, curve.mean) == (True, (pytest.approx(1.1), pytest.approx(0.6)))
    assert found["test accuracy"][1].high == (0.6, 0.9)


def test_what_diverged_is_counted_and_the_rest_is_shown() -> None:
    found = compute(
        [method(train_losses=[[2.0, None], [3.0, 1.5]], test_loss=spread([0.5, 9e999]))]
    )
    assert found is not None
    (line,) = found["train loss"]
    assert (line.mean, line.low, line.high) == ((2.5, 1.5), (2.0, 1.5), (3.0, 1.5))
    assert line.diverged == 1
    assert (found["test loss"][0].mean, found["test loss"][0].diverged) == ((0.5,), 1)
    panel = next(p for p in draw(found) if p.name == "train-loss-over-epochs")
    (entry,) = [t for t in panel.figure.data if t.showlegend is not False]
    assert entry.name == "sgd<br>1 of 2 seeds diverged"


def test_a_method_that_diverged_at_once_is_named() -> None:
    found = compute([method(), method("adam", train_losses=[[None, None]] * 2)])
    assert found is not None
    panel = draw(found)[0]
    names = [t.name for t in panel.figure.data if t.showlegend is not False]
    assert names == ["sgd", "adam<br>2 of 2 seeds diverged"]
    assert [row[4] for row in panel.rows] == [2.5, 1.25, None, None]


def test_a_panel_a_measure_and_an_axis() -> None:
    found = compute([method(**CURVES)])
    assert found is not None
    assert [panel.name for panel in draw(found)] == [
        *("train-loss-over-gradients", "train-loss-over-epochs"),
        *("validation-loss-over-gradients", "validation-loss-over-epochs"),
        *("test-loss-over-gradients", "test-loss-over-epochs"),
        *("test-accuracy-over-gradients", "test-accuracy-over-epochs"),
    ]


def test_the_table_has_what_is_drawn() -> None:
    found = compute([method("a"), method("b", **CURVES)])
    assert found is not None
    panel = next(p for p in draw(found) if p.name == "test-loss-over-gradients")
    assert panel.rows == [
        ("a", "a-study", 2, 40.0, pytest.approx(0.6), 0.5, 0.7, 2, 0),
        ("b", "b-study", 1, 20.0, pytest.approx(1.1), 1.0, 1.2, 2, 0),
        ("b", "b-study", 2, 40.0, pytest.approx(0.6), 0.5, 0.7, 2, 0),
    ]
    end = next(t for t in panel.figure.data if t.error_y.array is not None)
    assert end.error_y.array == (pytest.approx(0.1),)
    assert end.error_y.arrayminus == (pytest.approx(0.1),)


def test_methods_keep_their_look_though_others_lack_the_measure() -> None:
    found = compute([tuned([]), method("adam")])
    assert found is not None
    for panel in draw(found):
        (entry,) = [t for t in panel.figure.data if t.showlegend is not False]
        assert entry.marker.color == look(1).colour
        assert entry.marker.symbol == look(1).mark


def test_equal_curves_are_both_seen() -> None:
    """The one below is wider, and their marks lie at other epochs."""
    losses = [[2.0, 1.0, 0.9, 0.8]] * 2
    found = compute([method("a", train_losses=losses), method("b", train_losses=losses)])
    assert found is not None
    below, above = (t for t in draw(found)[1].figure.data if t.mode == "lines" and not t.fill)
    assert below.line.width > above.line.width
    marks = [
        t.x for t in draw(found)[1].figure.data if t.mode == "markers" and t.showlegend is False
    ]
    assert marks == [(1, 3), (2, 4)]


def test_equal_ends_lie_side_by_side() -> None:
    found = compute([method(name) for name in "abc"])
    assert found is not None
    panel = next(p for p in draw(found) if p.name == "test-loss-over-epochs")
    xs = [t.x[0] for t in panel.figure.data if t.showlegend is False]
    assert xs[0] < xs[1] < xs[2]
    assert xs[1] == pytest.approx(2.0)
    assert [row[2] for row in panel.rows] == [2, 2, 2]


def test_one_epoch_is_a_mark_with_a_bar() -> None:
    found = compute([method(train_losses=[[2.0], [3.0]])])
    assert found is not None
    assert not found["train loss"][0].whole
    end = next(t for t in draw(found)[0].figure.data if t.error_y.array is not None)
    assert (end.y, end.error_y.array) == ((2.5,), (0.5,))


def test_none_without_a_choice() -> None:
    assert compute([tuned([]), tuned([tried(0, "pruned")])]) is None
    assert compute([]) is None


def test_foreign_names_are_plain_and_twelve_methods_have_looks_of_their_own() -> None:
    found = compute([method(f"<b>{i}</b>%{{x}}") for i in range(12)])
    assert found is not None
    panel = draw(found)[0]
    entries = [t for t in panel.figure.data if t.showlegend is not False]
    assert len({(t.line.color, t.line.dash) for t in entries}) == 12
    assert entries[3].name == "&lt;b&gt;3&lt;/b&gt;&#37;{x}"
    assert not any("<b>" in (t.hovertemplate or "") for t in panel.figure.data)
    assert panel.figure.layout.height == HEIGHT_PX + 5 * LINE_PX  # six lines of two names
    assert panel.rows[0][0] == "<b>0</b>%{x}"
