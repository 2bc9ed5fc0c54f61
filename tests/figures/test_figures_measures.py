"""Figures of studies that are judged by r2: more is better, it may be negative, nothing is right
or wrong."""

from __future__ import annotations

import math
from itertools import pairwise

import optuna
import pytest
from reference.literal_trials import tried, tuned
from reference.made_studies import make

from vrtune.comparing.tuned import Tuned, labelled, read_tuned
from vrtune.display.measures import LOSS, Measure
from vrtune.figures import cv_curves, importances, landscape, panels, parallel
from vrtune.figures.panel import Panel
from vrtune.figures.scales import LOSSES, colours
from vrtune.figures.style import below, floor, value_axis
from vrtune.studies.record import load_study

R2 = Measure("r2", "r2", "maximize")


@pytest.fixture(scope="module")
def methods() -> list[Tuned]:
    storage = optuna.storages.InMemoryStorage()
    for name in ("sgd", "adam"):
        make(storage, name, name, measure=R2, trials=18)
    return labelled([read_tuned(load_study(storage, name, "")) for name in ("sgd", "adam")])


@pytest.fixture(scope="module")
def drawn(methods: list[Tuned]) -> dict[str, Panel]:
    return {panel.name: panel for panel in panels(methods)}


def test_no_figure_speaks_of_an_accuracy_or_of_a_validation_loss(drawn: dict[str, Panel]) -> None:
    assert "importances" in drawn
    for panel in drawn.values():
        said = [panel.name, panel.title, panel.how, *panel.columns, panel.figure.to_json()]
        assert not any(
            word in text for text in said for word in ("accuracy", "validation loss", "best loss")
        ), panel.name


def test_axes_and_tables_name_the_metric(drawn: dict[str, Panel]) -> None:
    assert drawn["cv-curves"].figure.layout.yaxis.title.text == "validation r2"
    assert drawn["cv-curves"].columns[-1] == "validation_r2"
    assert drawn["tunability-over-trials"].figure.layout.yaxis.title.text == "best validation r2"
    assert "Steps are the best r2" in drawn["tunability-over-trials"].how
    assert drawn["parallel"].title.endswith("every trial from setting to r2")
    assert {"validation-r2-over-epochs", "test-r2-over-epochs", "train-loss-over-epochs"} <= {
        *drawn
    }
    assert (
        drawn["differences-by-fold"].figure.layout.xaxis.title.text == "difference of validation r2"
    )


def test_the_better_method_lies_on_the_side_that_names_it(drawn: dict[str, Panel]) -> None:
    """sgd's r2 is higher: sgd - adam is above 0, and sgd's name stands on the right."""
    figure = drawn["differences-by-fold"].figure
    assert figure.data[0].x[0] > 0
    assert [note.text for note in figure.layout.annotations] == ["← adam", "sgd →"]


def test_the_best_so_far_goes_up(drawn: dict[str, Panel]) -> None:
    panel = drawn["tunability-over-trials"]
    for trace in panel.figure.data:
        if trace.mode == "lines" and not trace.fill:
            known = [y for y in trace.y if y is not None]
            assert all(one <= other for one, other in pairwise(known))
            assert known[-1] == max(known)


def test_no_axis_of_what_may_be_negative_is_logarithmic(drawn: dict[str, Panel]) -> None:
    for name in ("cv-curves", "validation-r2-over-epochs", "tunability-over-trials"):
        assert drawn[name].figure.layout.yaxis.type != "log"
    rows = drawn["cv-curves"].rows
    assert min(row[-1] for row in rows) < 0  # and such values are drawn


def test_the_strongest_curves_are_those_of_the_highest_values(methods: list[Tuned]) -> None:
    data = cv_curves.compute(methods[0])
    assert data is not None
    assert [curve.trial for curve in data.curves if curve.place is not None] == [0, 3, 4, 6, 7]


def test_violet_is_the_highest_and_it_lies_on_top(methods: list[Tuned]) -> None:
    data = parallel.compute(methods[0])
    assert data is not None
    values = [line.value for line in data.lines if line.value is not None]
    assert values == sorted(values)
    scale = colours(values, R2)
    assert (scale.share(max(values)), scale.share(min(values))) == (0.0, 1.0)
    assert (scale.log, scale.axis()["colorscale"]) == (False, LOSSES[::-1])
    place = landscape.compute(methods[0])
    assert place is not None
    panel = landscape.draw(place)[0]
    assert "r2" in panel.title
    done = next(t for t in panel.figure.data if t.marker.symbol == "circle" and t.x[0] is not None)
    assert list(done.marker.color) == sorted(done.marker.color)


def test_importances_are_those_of_the_mirrored_losses() -> None:
    def of(measure: Measure) -> dict[str, float]:
        trials = [
            tried(i, params={"lr": 0.001 * 1.3**i, "b": 0.001 * (1 + i * 7 % 12)}, value=value)
            for i in range(14)
            for value in [0.1 * i if measure is LOSS else 1 - 0.1 * i]
        ]
        found = importances.compute(tuned(trials, measure=measure, choice=0))
        assert found is not None
        return dict(found.shares)

    assert of(LOSS) == pytest.approx(of(R2))


def test_what_is_far_too_bad_to_be_told_apart_is_cut_off() -> None:
    values = [0.9, 0.8, 0.7, -0.2, -1000.0]
    low = floor(values, R2)
    assert low == pytest.approx(0.9 - 10 * 0.2)
    axis = value_axis(values, R2)
    assert axis["range"][0] < low < axis["range"][1]
    assert below(values, R2) == " Values below -1.1 are not shown."
    scale = colours(values, R2)
    assert scale.share(-1000.0) == 1.0
    assert scale.axis()["colorbar"]["ticktext"][-1] == "< -1.1"
    assert floor([0.1, 0.5, 0.95, math.nan], R2) is None
    assert floor([1.0, 1e9], LOSS) is None
