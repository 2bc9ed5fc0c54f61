"""What is compared with what, and what is said where nothing can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from reference.literal_trials import tried, tuned
from scipy import stats

from vrtune import Task
from vrtune.comparing.evidence import KINDS, Difference, Kind, differences
from vrtune.comparing.paired import holm, paired
from vrtune.comparing.tuned import Tuned
from vrtune.studies.choice import Confirmed
from vrtune.studies.retrained import Retrained, spread

GOOD, POOR = [0.31, 0.28, 0.35, 0.30], [0.36, 0.27, 0.41, 0.34]
AGAIN = [[0.33, 0.30, 0.36, 0.31], [0.35, 0.28, 0.36, 0.35]]
OTHER = [[0.37, 0.31, 0.35, 0.36], [0.39, 0.33, 0.44, 0.36], [9.0, 9.0, 9.0, 9.0]]
Rows = Sequence[Sequence[float | None]]


def method(
    label: str,
    *trials: Sequence[float],
    again: Rows | None = None,
    seeds: Sequence[float] | None = None,
    cost: float = 10.0,
    task: Task | None = None,
    fingerprint: str = "0" * 16,
) -> Tuned:
    """One whose trials had these losses by fold; the best is judged again on fresh starts."""
    made = [
        tried(i, value=sum(t) / len(t), losses={1: tuple(t)}, spent=cost)
        for i, t in enumerate(trials)
    ]
    best = min(made, key=lambda t: t.value or 0.0).number if made else None
    out = tuned(made, label=label, choice=best)
    given: dict[str, Any] = {"task": task or Task(), "fingerprint": fingerprint, "space": label}
    return replace(
        out,
        record=out.record.model_copy(update=given),
        confirmed=None if again is None else confirmed(again),
        again=None if seeds is None else retrained(seeds),
    )


def confirmed(rows: Rows) -> Confirmed:
    return Confirmed(
        trial=0,
        losses=[list(row) for row in rows],
        accuracies=[],
        trainings=8,
        gradient_computations=5.0,
        mean=None,
    )


def retrained(accuracies: Sequence[float]) -> Retrained:
    return Retrained(
        trial=0,
        seeds=len(accuracies),
        test_accuracy=spread(list(accuracies)),
        test_loss=spread([0.0]),
        train_losses=[],
        gradient_computations=1.0,
    )


def found(kind: Kind, *methods: Tuned, **given: float) -> list[Difference]:
    return [each for each in differences(methods, **given) if each.kind == kind]


def only(kind: Kind, *methods: Tuned) -> Difference:
    (each,) = found(kind, *methods)
    return each


def silent(difference: Difference) -> str:
    """Its note, of one that says nothing else."""
    named = {"first", "second", "kind", "measure", "direction", "n", "repeats", "reasons"}
    assert all(v is None for v in difference.model_dump(exclude=named).values())
    return difference.note


# ---- by fold -------------------------------------------------------------------------------------


def test_folds_are_compared_on_the_fresh_starts_that_both_have() -> None:
    told = only("folds", method("a", GOOD, again=AGAIN), method("b", POOR, again=OTHER))
    one = [(x + y) / 2 for x, y in zip(*AGAIN, strict=True)]
    other = [(x + y) / 2 for x, y in zip(*OTHER[:2], strict=True)]
    known = paired(one, other, correlation=0.25, rope=0.01)
    assert (told.first, told.second, told.measure) == ("a", "b", "validation loss")
    assert (told.n, told.repeats, told.note) == (4, 2, "")
    assert told.mean == pytest.approx(known.mean)
    assert (told.low, told.high) == pytest.approx((known.low, known.high))
    assert told.p == told.p_holm == pytest.approx(known.p)
    posterior = (told.first_better, told.equal, told.second_better)
    assert posterior == pytest.approx((known.first_better, known.equal, known.second_better))


@pytest.mark.parametrize("again", [(AGAIN, None), (None, AGAIN)])
def test_without_fresh_starts_it_is_said_that_the_choice_was_made_by_these(
    again: tuple[Rows | None, Rows | None],
) -> None:
    told = only("folds", method("a", GOOD, again=again[0]), method("b", POOR, again=again[1]))
    assert told.p == pytest.approx(0.23694031896719478)  # baycomp's posterior, both tails
    assert (told.n, told.repeats) == (4, 0)
    lacks = "a" if again[0] is None else "b"
    assert told.note == (
        "by the values that the choice was made by, which are too good; "
        f"{lacks} was not judged on fresh starts"
    )


def test_the_share_of_a_fold_is_the_correlation() -> None:
    two = Task(folds=2)
    told = only("folds", method("a", [0.2, 0.3], task=two), method("b", [0.3, 0.5], task=two))
    assert told.p == pytest.approx(paired([0.2, 0.3], [0.3, 0.5], correlation=0.5).p)


def test_of_a_share_held_out_the_fresh_starts_are_the_values() -> None:
    task = Task(holdout=0.2)
    one, other = [[0.2], [0.3], [0.25]], [[0.3], [0.5], [0.3]]
    told = only(
        "folds",
        method("a", [0.2], again=one, task=task),
        method("b", [0.3], again=other, task=task),
    )
    known = paired([0.2, 0.3, 0.25], [0.3, 0.5, 0.3], correlation=0.2)
    assert (told.n, told.repeats, told.note) == (3, 3, "of one split")
    assert told.p == pytest.approx(known.p)
    once = only("folds", method("a", [0.2], task=task), method("b", [0.3], task=task))
    assert "one value of each" in silent(once)


@pytest.mark.parametrize("lost", [None, math.nan])
def test_who_diverged_is_named(lost: float | None) -> None:
    rows = [[0.3, lost, 0.4, 0.3], [0.3, 0.3, 0.4, 0.3]]
    if lost is None:
        told = only("folds", method("a", GOOD, again=rows), method("b", POOR, again=OTHER))
        assert silent(told) == "a diverged in 1 of 4 folds"
    bad = replace(tried(0, value=0.3, spent=1.0), values={1: (0.3, math.nan, math.inf, 0.3)})
    broken = replace(method("a", GOOD), trials=(bad,), choice=bad)
    assert silent(only("folds", broken, method("b", POOR))).startswith("a diverged in 2 of 4 folds")


def test_damaged_folds_are_not_compared() -> None:
    short = method("a", GOOD, again=[[0.3, 0.3], [0.3, 0.3]])
    assert "not of 4 folds" in silent(only("folds", short, method("b", POOR, again=OTHER)))
    assert "not of 4 folds" in silent(only("folds", method("a", [0.3]), method("b", POOR)))


def test_a_study_without_a_choice_is_named() -> None:
    told = found("folds", method("a"), method("b", POOR), method("c"))
    assert [silent(each) for each in told] == [
        "a has no complete trial",
        "a has no complete trial; c has no complete trial",
        "c has no complete trial",
    ]


def test_a_name_can_do_no_harm() -> None:
    told = only("folds", method("a\x1b[2J\n"), method("b", POOR))
    assert told.first == "a\x1b[2J\n"
    assert told.note.isprintable()


# ---- by seed -------------------------------------------------------------------------------------


def test_seeds_are_compared_by_accuracy_as_far_as_both_have_them() -> None:
    one, other = [0.95, 0.96, 0.94, 0.1], [0.93, 0.95, 0.95]
    told = only("seeds", method("a", GOOD, seeds=one), method("b", POOR, seeds=other))
    known = stats.ttest_rel(one[:3], other)
    interval = known.confidence_interval()
    assert (told.measure, told.n, told.note) == ("test accuracy", 3, "")
    assert told.mean == pytest.approx(0.02 / 3)
    assert told.p == pytest.approx(known.pvalue)
    assert (told.low, told.high) == pytest.approx((interval.low, interval.high))
    assert (told.first_better, told.equal, told.second_better) == (None, None, None)


def test_seeds_that_say_nothing() -> None:
    fine = method("b", POOR, seeds=[0.9, 0.8, 0.7])
    assert silent(only("seeds", method("a", GOOD), fine)) == "a was not trained again"
    longer = method("a", GOOD, seeds=[0.9, 0.8, 0.7])
    assert longer.again
    longer = replace(longer, again=longer.again.model_copy(update={"asked_epochs": 30}))
    assert silent(only("seeds", longer, fine)) == "a was trained again for 30 epochs, b for 20"
    lost = method("a", GOOD, seeds=[0.9, math.nan, math.nan])
    assert silent(only("seeds", lost, fine)) == "a diverged in 2 of 3 seeds"
    assert "one value" in silent(only("seeds", method("a", GOOD, seeds=[0.9]), fine))


def test_accuracies_that_are_the_same_are_equal() -> None:
    same = [method(label, GOOD, seeds=[0.9, 0.8, 0.7]) for label in "ab"]
    told = only("seeds", *same)
    assert (told.mean, told.p, told.p_holm, told.note) == (0, 1, 1, "the same values")


# ---- at equal budgets ----------------------------------------------------------------------------


def test_after_equal_trials_the_choices_of_then_are_compared() -> None:
    long = method("a", POOR, [0.5] * 4, GOOD)
    short = method("b", [0.4, 0.2, 0.3, 0.5], [0.6] * 4)
    told = only("equal trials", long, short)
    assert told.note == "after 2 trials of each"
    known = paired(POOR, [0.4, 0.2, 0.3, 0.5], correlation=0.25)
    assert (told.n, told.mean) == (4, pytest.approx(known.mean))
    assert told.p == pytest.approx(known.p)


def test_at_equal_cost_the_dearer_method_has_fewer_trials() -> None:
    cheap = method("a", POOR, GOOD)
    dear = method("b", [0.4, 0.2, 0.3, 0.5], [0.1] * 4, cost=20.0)
    told = only("equal gradient computations", cheap, dear)
    assert told.note == "after 20 gradient computations of each"
    assert told.mean == pytest.approx(sum(GOOD) / 4 - 0.35)


def test_a_budget_that_is_too_small_is_named() -> None:
    cheap, dear = method("a", POOR), method("b", GOOD, cost=20.0)
    told = only("equal gradient computations", cheap, dear)
    assert silent(told) == "b has no complete trial after 10 gradient computations"
    told = only("equal trials", method("a"), method("b"))
    assert "a has no complete trial after 0 trials" in silent(told)


# ---- pairs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"task": Task(seed=2)}, "not paired: seed 1 and 2"),
        ({"task": Task(folds=5)}, "not paired: folds 4 and 5"),
        ({"fingerprint": "1" * 16}, "not paired: data"),
    ],
)
def test_other_tasks_do_not_pair(given: dict[str, Any], said: str) -> None:
    seeds = [0.9, 0.8]
    one, other = method("a", GOOD, seeds=seeds), method("b", POOR, seeds=seeds, **given)
    told = differences([one, other])
    assert [each.kind for each in told] == list(KINDS)
    for each in told:
        assert silent(each).startswith(said)


def test_how_weights_start_is_part_of_a_method() -> None:
    other = method("b", POOR, task=Task(init="metainit"))
    assert only("folds", method("a", GOOD), other).p is not None


def test_p_is_corrected_for_the_pairs_of_a_kind_that_say_something() -> None:
    methods = [
        method("a", GOOD, seeds=[0.9, 0.8, 0.85]),
        method("b", POOR, seeds=[0.7, 0.65, 0.6]),
        method("c", [0.5, 0.4, 0.6, 0.5], seeds=[0.5, 0.6, 0.4]),
        method("d", GOOD, task=Task(seed=2)),
    ]
    for kind in KINDS:
        known = [each for each in found(kind, *methods) if each.p is not None]
        assert len(known) == 3
        assert [each.p_holm for each in known] == holm([each.p or 0.0 for each in known])
    pairs = [(each.first, each.second) for each in found("folds", *methods)]
    assert pairs == [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]


def test_alpha_widens_the_interval_and_rope_what_is_equal() -> None:
    methods = method("a", GOOD), method("b", POOR)
    (usual,), (other,) = found("folds", *methods), found("folds", *methods, alpha=0.01, rope=0.5)
    assert other.low is not None
    assert usual.low is not None
    assert other.low < usual.low
    assert (other.equal or 0) > 0.9 > (usual.equal or 0)


def test_one_method_is_compared_with_nothing() -> None:
    assert differences([method("a", GOOD)]) == []
    assert differences([]) == []


def test_values_too_large_for_squares_break_nothing() -> None:
    told = differences([method("a", [1e300] * 3 + [1e200]), method("b", POOR)])
    assert [each.p for each in told] == [None] * 4
