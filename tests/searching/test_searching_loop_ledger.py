"""The search loop and its storage: whatever ends a trial, it is neither lost nor left open."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import TrialState
from reference.small_search import TASK, run, trials_of

from vrtune.events import Event, Stopped
from vrtune.storages.opening import open_storage
from vrtune.studies.leases import put_back


def test_a_stop_loses_no_trial(url: str) -> None:
    events: list[Event] = []

    def four_rounds() -> bool:
        return sum(event.kind == "round" for event in events) >= 4

    with pytest.raises(Stopped):
        run(url, 6, progress=events.append, stopping=four_rounds)
    cut_off = trials_of(url)
    states = [t.state for t in cut_off]
    assert TrialState.RUNNING not in states
    put_back = [t for t in cut_off if t.state is TrialState.FAIL]
    queued = [t for t in cut_off if t.state is TrialState.WAITING]
    assert len(put_back) == len(queued) >= 2  # those in training, and those asked for ahead
    run(url, len(queued))
    done = trials_of(url)
    assert {t.state for t in done} == {TrialState.COMPLETE, TrialState.FAIL}
    again = [t.params for t in done if "again" in t.user_attrs]
    assert again == [t.params for t in put_back]


def test_a_trial_that_another_process_ended_is_dropped(url: str) -> None:
    storage = open_storage(url)
    rounds = 0

    def take_one(event: Event) -> None:
        nonlocal rounds
        rounds += event.kind == "round"
        if event.kind == "round" and rounds == 1:
            running = [t for t in trials_of(url) if t.state is TrialState.RUNNING]
            storage.set_trial_state_values(running[0]._trial_id, TrialState.FAIL)

    run(url, 3, progress=take_one)
    states = [t.state for t in trials_of(url)]
    assert states.count(TrialState.FAIL) == 1
    assert states.count(TrialState.COMPLETE) == 2


def test_a_queued_trial_that_dies_before_its_first_parameter_comes_back(url: str) -> None:
    study = optuna.create_study(storage=open_storage(url))
    study.enqueue_trial({"lr": 0.25})
    put_back(study, study.get_trials()[study.ask().number])
    assert study.ask().suggest_float("lr", 0.1, 1.0) == 0.25


def test_at_most_one_epoch_is_not_yet_written(url: str) -> None:
    """When an epoch has been judged, the reports of the one before are in the storage."""
    rounds: list[int] = []

    def look(event: Event) -> None:
        if event.kind == "round":
            rounds.append(len(rounds) + 1)
            running = [t for t in trials_of(url) if t.state is TrialState.RUNNING]
            if 1 < len(rounds) < TASK.epochs:
                reported = [len(t.intermediate_values) for t in running if t.number < 2]
                assert min(reported) >= len(rounds) - 1

    run(url, 2, progress=look)
    assert rounds == [1, 2, 3]
