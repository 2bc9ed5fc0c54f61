"""A search that ends by the gradient computations it spent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from reference.small_search import SPACE, TASK, trials_of

from vrtune import search
from vrtune.errors import UsageError
from vrtune.events import Event, RoundEnded
from vrtune.searching.plan import plan
from vrtune.searching.prepare import prepare, understand
from vrtune.searching.result import SearchResult
from vrtune.searching.search import run
from vrtune.searching.settings import TRIALS, SearchSettings
from vrtune.strategy import together

ONE = TASK.epochs * 4.0  # a trial's gradient computations: two batches an epoch, in two folds


def searched(url: str, **given: Any) -> SearchResult:
    plain = {"sampler": "random", "pruner": "none", "jobs": 1, "study": "s", "retrain": 0}
    return search("sgd", TASK, storage=url, **{**plain, **given})


def test_what_a_trial_costs(url: str) -> None:
    """Or the other tests would count wrongly."""
    assert searched(url, trials=2).gradient_computations == 2 * ONE


@pytest.mark.parametrize(("share", "trials"), [(0.01, 1), (0.99, 1), (1.01, 2), (2.5, 3)])
def test_no_trial_starts_after_the_budget_is_spent(url: str, share: float, trials: int) -> None:
    """And the one under way ends; no number of trials is asked for."""
    result = searched(url, budget=share * ONE)
    assert result.trials.complete == trials == len(trials_of(url))
    assert result.gradient_computations == pytest.approx(trials * ONE)


def test_the_budget_may_allow_more_than_the_usual_number(url: str) -> None:
    assert searched(url, budget=(TRIALS + 1.5) * ONE).trials.complete == TRIALS + 2


def test_a_number_of_trials_holds_as_well(url: str) -> None:
    assert searched(url, budget=1e9, trials=2).trials.complete == 2
    assert len(trials_of(url)) == 2


def test_a_search_that_goes_on_has_its_own_budget(url: str) -> None:
    assert searched(url, budget=1.5 * ONE).trials.complete == 2
    assert searched(url, budget=1.5 * ONE).trials.complete == 4


def test_a_grid_ends_by_its_budget(url: str) -> None:
    result = searched(url, sampler="grid", budget=2.5 * ONE)
    assert result.trials.complete == 3
    assert searched(url, sampler="grid", budget=1e9).trials.complete == 5, "all of it"
    with pytest.raises(UsageError, match="has run its whole grid"):
        searched(url, sampler="grid", budget=1e9)


def test_pruned_epochs_are_not_spent(url: str) -> None:
    """With the defaults: the first trials start together, and what they cost is all told."""
    heard: list[RoundEnded] = []

    def note(event: Event) -> None:
        if isinstance(event, RoundEnded):
            heard.append(event)

    task = TASK.model_copy(update={"epochs": 8})
    one = ONE / TASK.epochs * task.epochs
    result = search(
        "sgd", task, budget=3 * one, jobs=1, study="s", storage=url, retrain=0, progress=note
    )
    assert result.trials.pruned > 0
    assert result.trials.complete + result.trials.pruned > together(1)
    assert heard[-1].spent == pytest.approx(result.gradient_computations)
    assert 3 * one <= result.gradient_computations < 4 * one
    assert [event.spent for event in heard] == sorted(event.spent for event in heard)


def test_trials_that_start_together_start_before_anything_is_spent(url: str) -> None:
    assert searched(url, sampler="auto", budget=1.0).trials.complete == together(1)


@pytest.mark.parametrize(("budget", "granted"), [(99.0, 2), (100.0, 2), (101.0, 9)])
def test_all_processes_spend_one_budget(url: str, budget: float | None, granted: int) -> None:
    count = 0

    def act(work, quota, stopping, progress) -> None:
        nonlocal count
        count += sum(quota.take() for _ in range(2))
        for worker, spent in ((0, 30.0), (1, 40.0), (0, 60.0)):
            progress(RoundEnded(running=1, lanes=2, spent=spent, worker=worker))
        count += sum(quota.take() for _ in range(7))

    settings = SearchSettings(storage=url, study="s", jobs=1, trials=9, budget=budget)
    work = plan(prepare(understand(SPACE, TASK, settings)))
    run(work, SimpleNamespace(run=act, pids=set()), lambda event: None)  # type: ignore[arg-type]
    assert count == granted


@pytest.mark.parametrize("budget", [0, -1, "much"])
def test_a_budget_is_a_number_above_0(budget: Any) -> None:
    with pytest.raises(UsageError, match="budget"):
        SearchSettings.read({"budget": budget})
