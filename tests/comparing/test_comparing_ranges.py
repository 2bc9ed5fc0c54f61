"""Notes on ranges and on numbers of trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from reference.literal_trials import tried, tuned

from vrtune.comparing.ranges import range_notes
from vrtune.comparing.tuned import Tuned
from vrtune.studies.counts import Counts

K = FloatDistribution(1e-3, 10.0, log=True)
ONE = IntDistribution(3, 3)
WORDS = CategoricalDistribution(("a", "b"))


def searched(
    count: int, names: Sequence[str] = ("k",), sampler: str | None = "auto", k: float = 0.1
) -> Tuned:
    """So many trials of parameters that are searched, and of one that has a single value."""
    ranges = dict.fromkeys(names, K) | {"fixed": ONE}
    params = dict.fromkeys(names, k) | {"fixed": 3}
    made = [
        replace(tried(i, params=params, ranges=ranges, value=1.0 + i, spent=10.0), sampler=sampler)
        for i in range(count)
    ]
    return tuned(made, choice=0 if made else None)


def test_ten_trials_a_parameter_are_the_least() -> None:
    assert range_notes(searched(10)) == []
    assert range_notes(searched(9)) == ["9 trials are few for 1 parameter: search at least 1 more"]
    (note,) = range_notes(searched(12, ["k", "w", "c"]))
    assert note == "12 trials are few for 3 parameters: search at least 18 more"
    assert range_notes(searched(1))[0].startswith("1 trial is few for 1 parameter")


def test_parameters_of_one_value_need_no_trials() -> None:
    assert range_notes(searched(1, [])) == []


def test_parameters_of_some_trials_alone_count() -> None:
    found = searched(10)
    other = replace(found.trials[0], number=10, ranges={"k": K, "word": WORDS})
    (note,) = range_notes(replace(found, trials=(*found.trials, other)))
    assert "11 trials are few for 2 parameters" in note


def test_trials_that_ended_count_and_no_others() -> None:
    found = searched(10)
    for state in ("pruned", "diverged"):
        trials = tuple(replace(t, state=state) for t in found.trials)
        assert range_notes(replace(found, trials=trials)) == []
    for state in ("failed", "interrupted", "running", "queued"):
        trials = (replace(found.trials[0], state=state), *found.trials[1:])
        (note,) = range_notes(replace(found, trials=trials))
        assert note.startswith("9 trials")


@pytest.mark.parametrize(
    ("sampler", "counts", "said"),
    [
        ("grid", Counts(complete=4), False),
        ("grid", Counts(complete=4, queued=1), True),
        ("grid", Counts(complete=4, running=1), True),
        ("qmc", Counts(complete=4), True),
        (None, Counts(complete=4), True),
    ],
)
def test_a_grid_that_is_done_needs_no_more(sampler: str | None, counts: Counts, said: bool) -> None:
    found = replace(searched(4, sampler=sampler), counts=counts)
    assert bool(range_notes(found)) is said


def test_a_choice_at_the_edge_is_named() -> None:
    (note,) = range_notes(searched(10, k=9.9))
    assert note.startswith("k = 9.9 lies at the upper end of its range")


def test_a_study_without_trials_has_no_notes() -> None:
    assert range_notes(searched(0)) == []
