"""Curves of the best loss by what was spent, and the choice that would have been made earlier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from reference.literal_trials import tried, tuned

from vrtune import Task
from vrtune.comparing.expected import least_of
from vrtune.comparing.tunability import (
    Budgeted,
    _steps,
    best_at,
    equal_spent,
    equal_trials,
    tunability,
)
from vrtune.comparing.tuned import Tuned

VALUES = [0.5, 0.2, None, 0.4, 0.1]  # None: it was pruned
COSTS = [10.0, 20.0, 5.0, 10.0, 40.0]


def searched(
    values: Sequence[float | None] = VALUES,
    costs: Sequence[float] = COSTS,
    *,
    label: str = "sgd",
    sampler: str | None = "random",
    seed: int = 1,
) -> Tuned:
    trials = [
        replace(
            tried(i, "pruned" if value is None else "complete", value=value, spent=cost),
            sampler=sampler,
        )
        for i, (value, cost) in enumerate(zip(values, costs, strict=True))
    ]
    made = tuned(trials, label=label)
    return replace(made, record=made.record.model_copy(update={"task": Task(seed=seed)}))


def number(tuned: Tuned, **budget: float) -> int | None:
    best = best_at(tuned, **budget)  # type: ignore[arg-type]
    return best.number if best else None


# ---- the choice at a budget ----------------------------------------------------------------------


def test_the_best_after_so_many_trials() -> None:
    at = [number(searched(), trials=b) for b in (0, 1, 2, 3, 4, 5, 99)]
    assert at == [None, 0, 1, 1, 1, 4, 4]
    assert number(searched()) == 4


def test_the_best_within_so_many_gradient_computations() -> None:
    at = [number(searched(), spent=cost) for cost in (0.0, 9.9, 10.0, 29.9, 30.0, 84.9, 85.0)]
    assert at == [None, None, 0, 0, 1, 1, 4]


def test_of_equals_the_first_is_the_best() -> None:
    assert number(searched([0.3, 0.2, 0.2, 0.4, 0.5])) == 1


def test_a_sum_of_costs_may_be_rounded() -> None:
    made = searched([0.3, 0.2, 0.1], [0.1, 0.2, 0.3])
    assert 0.1 + 0.2 + 0.3 > 0.6
    assert number(made, spent=0.6) == 2


def test_trials_that_did_not_end_are_no_trials_but_were_paid_for() -> None:
    made = searched()
    first = replace(made.trials[0], state="interrupted", value=None)
    made = replace(made, trials=(first, *made.trials[1:]))
    assert [number(made, trials=b) for b in (1, 2)] == [1, 1]
    assert [number(made, spent=cost) for cost in (20.0, 30.0)] == [None, 1]


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_a_complete_trial_without_a_value_is_never_the_best(value: float | None) -> None:
    made = searched()
    last = replace(made.trials[4], value=value)
    assert number(replace(made, trials=(*made.trials[:4], last))) == 1


def test_a_trial_that_was_put_in_by_hand_is_passed_over() -> None:
    """It trained nothing: it spent nothing."""
    made = searched(costs=[*COSTS[:4], 0.0])
    assert number(made) == 1
    assert equal_trials([made]) == 4


def test_equal_budgets_are_the_least_that_a_study_has() -> None:
    long, short, none = searched(), searched([0.3, None], [30.0, 1.0]), searched([], [])
    assert (equal_trials([long, short, none]), equal_spent([long, short, none])) == (2, 31.0)
    assert (equal_trials([none]), equal_spent([])) == (0, 0.0)


# ---- drawn at random -----------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["random", "qmc"])
def test_draws_have_an_expected_best(sampler: str) -> None:
    values = [0.5, 0.2, 0.9, 0.4, 0.1]
    over_trials, over_cost = tunability([searched(values, sampler=sampler)])
    mean, low, high = least_of(values, range(1, 6))
    assert over_trials.how == over_cost.how == "expected"
    assert (over_trials.over, over_cost.over) == ("trials", "gradient computations")
    assert over_trials.x == [1, 2, 3, 4, 5]
    assert (over_trials.mean, over_trials.low) == (list(mean), list(low))
    assert over_trials.high == list(high)
    assert (over_cost.x[0], over_cost.x[-1]) == (5.0, 85.0)
    assert over_cost.mean[-1] == pytest.approx(0.1)
    assert over_trials.studies == ["sgd-study"]
    assert "without the cost of confirming" in over_cost.note
    assert "too narrow" in over_trials.note
    assert ("qmc" in over_trials.note) == (sampler == "qmc")


def test_the_mean_begins_where_a_draw_must_find_something() -> None:
    over_trials, over_cost = tunability([searched([0.5, None, None, 0.4, 0.1])])
    assert [v is None for v in over_trials.mean] == [True, True, False, False, False]
    assert over_trials.low[0] == 0.1
    assert over_trials.high[:2] == [None, None]
    assert "2 of 5 trials were pruned or diverged" in over_trials.note
    assert over_cost.mean[0] is None
    assert over_cost.mean[-1] == pytest.approx(0.1)


def test_a_budget_too_small_for_any_trial_finds_nothing() -> None:
    _, over_cost = tunability([searched([0.5, 0.2], [1.0, 100.0])])
    assert over_cost.mean[0] is None
    assert over_cost.low[0] == 0.5
    known = [v for v in over_cost.mean if v is not None]
    assert all(v == pytest.approx(0.2) for v in known[-1:])


def test_long_searches_have_short_curves() -> None:
    made = searched([1 + 1 / (i + 1) for i in range(3000)], [1.0] * 3000)
    for curve in tunability([made]):
        assert len(curve.x) <= 100
        assert (curve.x[-1], curve.mean[-1]) == (3000, pytest.approx(1 + 1 / 3000))


# ---- samplers that learn -------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["auto", "tpe", "gp", "grid", None])
def test_other_samplers_have_the_best_so_far(sampler: str | None) -> None:
    over_trials, over_cost = tunability([searched(sampler=sampler)])
    assert over_trials.how == over_cost.how == "best so far"
    assert over_trials.x == [1, 2, 3, 4, 5]
    assert over_trials.mean == over_cost.mean == [0.5, 0.2, 0.2, 0.2, 0.1]
    assert over_cost.x == [10, 30, 35, 45, 85]
    assert over_trials.low == over_trials.high == [None] * 5
    assert "one search is one draw" in over_trials.note


def test_one_trial_of_another_sampler_is_enough() -> None:
    made = searched()
    last = replace(made.trials[-1], sampler="auto")
    assert tunability([replace(made, trials=(*made.trials[:-1], last))])[0].how == "best so far"


def test_nothing_is_known_before_a_trial_is_complete() -> None:
    over_trials, _ = tunability([searched([None, 0.3], [1.0, 1.0], sampler="auto")])
    assert over_trials.mean == [None, 0.3]


def repeats() -> list[Budgeted]:
    one = searched([0.5, 0.2, 0.3], [10, 10, 10], label="a", sampler="auto")
    other = searched([0.4, 0.3], [15, 10], label="b", sampler="auto", seed=2)
    return tunability([one, other])


def test_searches_of_other_seeds_are_repeats() -> None:
    over_trials, over_cost = repeats()
    assert over_trials.label == "sgd"  # the space's, that they share
    assert over_trials.studies == ["a-study", "b-study"]
    assert over_trials.x == [1, 2]  # as far as both go
    assert over_trials.mean == pytest.approx([0.45, 0.25])
    assert (over_trials.low, over_trials.high) == ([0.4, 0.2], [0.5, 0.3])
    assert "mean and range of 2 searches" in over_trials.note
    assert over_cost.x == [10, 15, 20, 25]
    assert over_cost.mean[1:] == pytest.approx([0.45, 0.3, 0.25])
    assert over_cost.mean[0] is None  # one of them has found nothing yet


def test_searches_of_one_seed_or_other_tasks_are_no_repeats() -> None:
    one = searched(sampler="auto", label="a")
    same = searched(sampler="auto", label="b")
    longer = searched(sampler="auto", label="c", seed=2)
    task = longer.task.model_copy(update={"epochs": 99})
    longer = replace(longer, record=longer.record.model_copy(update={"task": task}))
    tpe = searched(sampler="tpe", label="d", seed=3)
    curves = tunability([one, same, longer, tpe])
    assert [curve.label for curve in curves[::2]] == ["a", "b", "c", "d"]


def test_draws_at_random_stay_apart() -> None:
    curves = tunability([searched(label="a"), searched(label="b", seed=2)])
    assert [(c.label, c.how) for c in curves[::2]] == [("a", "expected"), ("b", "expected")]


def test_a_study_that_completed_nothing_has_no_curve() -> None:
    none = searched([None, None], [1.0, 1.0], label="none", sampler="auto", seed=2)
    assert tunability([none, searched([], [])]) == []
    assert [c.label for c in tunability([searched(sampler="auto"), none])] == ["sgd", "sgd"]


def test_costs_beyond_all_numbers_have_no_place() -> None:
    """Sums of damaged ones overflow."""
    x, curves = _steps([([1.0, math.inf], [0.5, 0.4])])
    assert x == []
    assert curves.shape == (1, 0)
