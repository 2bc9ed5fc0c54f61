"""Axes of parameters, colours of losses, ticks: by hand."""

from __future__ import annotations

import math

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from reference.literal_trials import LR, tried

from vrtune.display.measures import LOSS
from vrtune.figures.scales import (
    Parameter,
    colours,
    end_value,
    log_range,
    log_ticks,
    named,
    number,
    place,
    searched,
    ticks,
)

KIND = CategoricalDistribution([None, "a", True])


def test_parameters_are_as_wide_as_all_ranges_and_values_together() -> None:
    narrow = tried(0, params={"lr": 0.1}, ranges={"lr": FloatDistribution(0.01, 1.0, log=True)})
    beyond = tried(1, params={"lr": 3.0}, ranges={"lr": LR})
    assert searched([narrow, beyond]) == [Parameter("lr", 1e-4, 3.0, log=True)]


def test_what_had_no_choice_is_no_parameter() -> None:
    ranges = {"one": FloatDistribution(1.0, 1.0), "n": IntDistribution(1, 9), "kind": KIND}
    found = searched([tried(0, params={"one": 1.0, "n": 3, "kind": "a"}, ranges=ranges)])
    assert found == [
        Parameter("n", 1.0, 9.0),
        Parameter("kind", 0.0, 2.0, choices=("None", "a", "True")),
    ]


@pytest.mark.parametrize("value", ["0.1", True, math.nan, math.inf, -1.0, 0, None])
def test_a_value_that_is_no_number_of_the_range_has_no_place(value: object) -> None:
    trial = tried(0, params={"lr": value})
    assert place(trial, Parameter("lr", 1e-4, 1.0, log=True)).at is None
    assert searched([trial]) == [Parameter("lr", 1e-4, 1.0, log=True)]


def test_choices_lie_in_their_order() -> None:
    (kind,) = searched([tried(0, params={"kind": None}, ranges={"kind": KIND})])
    places = [
        place(tried(0, params={"kind": value}, ranges={"kind": KIND}), kind)
        for value in (None, "a", "gone")
    ]
    assert [each.at for each in places] == [0.0, 1.0, None]
    assert [each.cell for each in places] == ["None", "a", "gone"]
    assert place(tried(0), kind).cell is None


def test_a_share_of_the_axis() -> None:
    assert Parameter("lr", 1e-4, 1.0, log=True).scaled(1e-2) == pytest.approx(0.5)
    assert Parameter("n", 0.0, 8.0).scaled(2.0) == 0.25
    assert Parameter("n", 1.0, 1.0).scaled(1.0) == 0.5
    assert Parameter("n", -1e308, 1e308).scaled(1e308) == 1.0


def test_ticks_say_values() -> None:
    assert log_ticks(1e-5, 10.0) == (
        [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0],
        ["10<sup>-5</sup>", "10<sup>-4</sup>", "10<sup>-3</sup>", "0.01", "0.1", "1", "10"],
    )
    assert log_ticks(0.13, 2.3)[1] == ["0.2", "0.5", "1", "2"]
    assert log_ticks(1.21, 1.24)[1] == ["1.21", "1.22", "1.23", "1.24"]
    assert len(log_ticks(1e-30, 1e30)[0]) <= 7
    assert ticks(0.0, 1.0)[1] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    assert ticks(2.0, 2.0) == ([2.0], ["2"])
    assert [number(v) for v in (1000.0, 1e5, 0.0, -3.0, 1234.5)] == [
        "1000",
        "10<sup>5</sup>",
        "0",
        "-3",
        "1230",
    ]


def test_many_choices_are_not_all_named() -> None:
    many = Parameter("kind", 0.0, 49.0, choices=tuple(map(str, range(50))))
    values, texts = many.ticks()
    assert values == [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0]
    assert texts[1] == "5"


def test_losses_far_above_the_best_share_the_last_colour() -> None:
    scale = colours([0.1, 1.0, 1e9], LOSS)
    assert (scale.best, scale.worst, scale.log, scale.beyond) == (0.1, 10.0, True, True)
    assert [scale.share(loss) for loss in (0.1, 1.0, 1e9)] == pytest.approx([0.0, 0.5, 1.0])
    assert scale.axis()["colorbar"]["ticktext"][-1] == "> 10"


def test_losses_without_logarithms_have_colours_too() -> None:
    scale = colours([-1.0, 0.0, 3.0], LOSS)
    assert (scale.log, scale.beyond) == (False, False)
    assert scale.share(1.0) == 0.5
    assert colours([2.0], LOSS).share(2.0) == 0.0
    assert colours([2.0], LOSS).axis()["cmax"] > colours([2.0], LOSS).axis()["cmin"]


def test_a_range_holds_all_values() -> None:
    low, high = log_range([0.01, 100.0, math.nan, 0.0])
    assert low < -2 < 2 < high
    assert log_range([1.0]) == (-0.1, 0.1)


def test_the_loss_of_a_stopped_trial_is_the_last_that_was_finite() -> None:
    losses = {1: (2.0, 4.0), 2: (1.0, math.nan)}
    assert end_value(tried(0, "pruned", losses=losses)) == 3.0
    assert end_value(tried(0, "pruned", losses={1: (math.inf,)})) is None
    assert end_value(tried(0, "complete", value=0.5, losses=losses)) == 0.5


def test_names_are_no_html() -> None:
    assert named("<b>&") == "&lt;b&gt;&amp;"
    assert len(named("x" * 99)) == 16
