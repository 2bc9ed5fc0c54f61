"""A trial that its space can't answer costs that trial, not the search."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from reference.small_search import TASK, trials_of

from vrtune import search
from vrtune.errors import UsageError
from vrtune.events import Event, Finished
from vrtune.searching import questions
from vrtune.storages.opening import open_storage
from vrtune.studies.record import load_study

SPACE = """
import optuna
from vrtune import SGD, TrialConfig
def suggest(trial):
    lr = trial.suggest_float("lr", 0.01, 1.0)
    if {when}:
        raise {what}
    return TrialConfig(optimizer=SGD(lr=lr))
"""
SHORT = TASK.model_copy(update={"epochs": 1})


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "space.py"
    path.write_text(SPACE.format(when="False", what="None"))
    return path


def tried(space: Path, url: str, **settings: Any) -> list[Finished]:
    """The ends of a search's trials."""
    events: list[Event] = []
    given = {"trials": 6, "jobs": 1, "pruner": "none", "sampler": "random", "retrain": 0}
    search(space, SHORT, study="s", storage=url, progress=events.append, **{**given, **settings})
    return [event for event in events if isinstance(event, Finished)]


def states(url: str) -> Counter[TrialState]:
    return Counter(trial.state for trial in trials_of(url))


@pytest.mark.parametrize(
    "what",
    [
        "RuntimeError('1 of\\n10')",
        "SystemExit(3)",
        pytest.param("KeyError('x' * 2000)", marks=pytest.mark.slow),
        pytest.param("MemoryError", marks=pytest.mark.slow),
    ],
)
def test_a_space_that_raises_once_costs_one_trial(space: Path, url: str, what: str) -> None:
    space.write_text(SPACE.format(when="trial.number == 2", what=what))
    ends = tried(space, url)
    assert [end.state for end in ends].count("complete") == 5
    failed = next(end for end in ends if end.state == "failed")
    assert failed.number == 2
    kept = trials_of(url)[2]
    assert kept.state is TrialState.FAIL
    assert kept.user_attrs["error"] == failed.reason
    assert 0 < len(failed.reason) <= 500
    assert "\n" not in failed.reason


def test_a_trial_that_is_pruned_by_its_space_is_pruned(space: Path, url: str) -> None:
    space.write_text(SPACE.format(when="trial.number % 2", what="optuna.TrialPruned('no')"))
    ends = tried(space, url)
    assert Counter(end.state for end in ends) == {"complete": 3, "pruned": 3}
    assert states(url) == {TrialState.COMPLETE: 3, TrialState.PRUNED: 3}


@pytest.mark.parametrize(
    "sampler", ["auto", *(pytest.param(s, marks=pytest.mark.slow) for s in ("tpe", "gp", "qmc"))]
)
def test_samplers_go_on_after_both(space: Path, url: str, sampler: str) -> None:
    what = "optuna.TrialPruned if trial.number % 3 else ValueError"
    space.write_text(SPACE.format(when="trial.number % 4 > 1", what=what))
    ends = tried(space, url, trials=14, sampler=sampler)
    assert sum(end.state == "complete" for end in ends) == 8
    assert len(ends) == 14


def test_a_search_ends_whose_every_trial_is_pruned(
    space: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its count of trials; and where a budget decides, which nothing is spent of, all the same.
    (The first is what is asked for before the search.)"""
    space.write_text(SPACE.format(when="trial.study.study_name == 's'", what="optuna.TrialPruned"))
    assert [end.state for end in tried(space, url, trials=4)] == ["pruned"] * 4
    monkeypatch.setattr(questions, "MOST_PRUNED", 9)
    with pytest.raises(UsageError, match="pruned 9 trials in a row"):
        tried(space, url, trials=None, budget=1e6)


def test_a_space_that_always_fails_ends_the_search(space: Path, url: str) -> None:
    space.write_text(SPACE.format(when="trial.number > 3", what="RuntimeError('out of ideas')"))
    with pytest.raises(UsageError, match=r"3 trials in a row failed, .*out of ideas"):
        tried(space, url, trials=20)
    assert states(url) == {TrialState.COMPLETE: 4, TrialState.FAIL: 3}


@pytest.mark.parametrize(
    "values",
    [
        {"lr": "abc"},
        *(
            pytest.param({"lr": value}, marks=pytest.mark.slow)
            for value in (7.0, None, [1], {}, True)
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Fixed parameter")
def test_queued_values_that_can_not_be_fail_alone(
    space: Path, url: str, values: dict[str, Any]
) -> None:
    tried(space, url, trials=1)
    study = load_study(open_storage(url), "s", url)
    for _ in range(4):  # more than a space may fail in a row
        study.enqueue_trial(values)
    study.enqueue_trial({"lr": 0.5, "unknown": 1})
    assert Counter(end.state for end in tried(space, url)) == {"failed": 4, "complete": 2}
    done = [trial.params["lr"] for trial in trials_of(url) if trial.state is TrialState.COMPLETE]
    assert 0.5 in done
    assert json.dumps(values["lr"])[:3].strip('"') in trials_of(url)[1].user_attrs["error"].replace(
        "None", "null"
    ).replace("True", "true")


def test_a_queued_value_out_of_range_may_be_an_error_of_its_own(space: Path, url: str) -> None:
    """Under -W error, as these tests run, Optuna's warning is raised in the space."""
    tried(space, url, trials=1)
    load_study(open_storage(url), "s", url).enqueue_trial({"lr": 7.0})
    assert Counter(end.state for end in tried(space, url)) == {"failed": 1, "complete": 5}


def test_an_end_is_shown_when_it_is_stored(space: Path, url: str) -> None:
    seen: list[TrialState] = []

    def look(event: Event) -> None:
        if isinstance(event, Finished):
            seen.append(trials_of(url)[event.number].state)

    space.write_text(SPACE.format(when="trial.number == 1", what="ValueError"))
    search(
        space, SHORT, trials=8, open=3, jobs=1, pruner="none", study="s", storage=url, retrain=0,
        progress=look,
    )  # fmt: skip
    assert Counter(seen) == {TrialState.COMPLETE: 7, TrialState.FAIL: 1}
