"""When a curve arrives: straight lines between epochs, upper bounds, both directions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrtune.display.measures import LOSS, Measure
from vrtune.scaling.arrival import Arrival, arrival

ACCURACY = Measure("accuracy", "accuracy", "maximize")


def test_between_two_epochs_the_value_is_a_straight_line() -> None:
    """From 1.0 to 0.2 the loss 0.4 is three quarters of the way."""
    assert arrival({1: 3.0, 2: 1.0, 3: 0.2}, 0.4, LOSS) == Arrival(2.75, 3, at_most=False)


def test_a_value_at_the_target_has_arrived() -> None:
    assert arrival({1: 1.0, 2: 0.5, 3: 0.4}, 0.5, LOSS) == Arrival(2.0, 2, at_most=False)


def test_the_first_time_counts() -> None:
    found = arrival({1: 1.0, 2: 0.4, 3: 0.9, 4: 0.1}, 0.5, LOSS)
    assert found is not None
    assert found.judged == 2


def test_the_first_epoch_that_is_judged_is_an_upper_bound() -> None:
    assert arrival({1: 0.2, 2: 0.1}, 0.4, LOSS) == Arrival(1.0, 1, at_most=True)
    assert arrival({5: 0.2}, 0.4, LOSS) == Arrival(5.0, 5, at_most=True)


def test_of_epochs_that_are_not_judged_nothing_is_known() -> None:
    """--validate-at rungs: the line goes from epoch 2 to epoch 6."""
    assert arrival({6: 0.5, 2: 1.5}, 1.0, LOSS) == Arrival(4.0, 6, at_most=False)


def test_an_accuracy_arrives_from_below() -> None:
    curve = {1: 0.5, 2: 0.8, 3: 0.9}
    found = arrival(curve, 0.85, ACCURACY)
    assert found is not None
    assert found.epochs == pytest.approx(2.5)
    assert arrival(curve, 0.95, ACCURACY) is None
    assert arrival(curve, 0.4, ACCURACY) == Arrival(1.0, 1, at_most=True)


def test_what_diverged_has_not_arrived() -> None:
    assert arrival({1: 1.0, 2: math.nan}, 0.5, LOSS) is None
    assert arrival({1: math.nan, 2: 0.4}, 0.5, LOSS) == Arrival(2.0, 2, at_most=False)
    assert arrival({1: -math.inf, 2: 0.4}, 0.5, LOSS) == Arrival(2.0, 2, at_most=False)
    assert arrival({1: math.inf}, 0.5, ACCURACY) is None
    assert arrival({}, 0.5, LOSS) is None


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8),
    st.floats(-1e6, 1e6),
    st.sampled_from([LOSS, ACCURACY]),
)
def test_it_lies_between_the_epochs_around_it(
    values: list[float], target: float, measure: Measure
) -> None:
    curve = dict(enumerate(values, 1))
    better = (lambda v: v >= target) if measure is ACCURACY else (lambda v: v <= target)
    first = next((epoch for epoch, value in curve.items() if better(value)), None)
    found = arrival(curve, target, measure)
    assert (found and found.judged) == first
    if found and found.judged > 1:
        assert found.judged - 1 <= found.epochs <= found.judged
