"""A storage that fails once, or ends a trial of ours: no trial is lost, none stays open."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.exceptions import StorageInternalError
from optuna.storages._cached_storage import _CachedStorage
from optuna.trial import TrialState
from reference.small_search import SPACE, TASK, run, trials_of

from vrtune import search, spaces
from vrtune.events import Event
from vrtune.lanes.pool import Pool
from vrtune.searching.ledger import Ledger
from vrtune.searching.settings import Validate
from vrtune.storages.opening import open_storage
from vrtune.studies.leases import OpenTrials, put_back
from vrtune.studies.record import load_study

POINTS = 8  # of the space's grid


def states(url: str) -> Counter[TrialState]:
    return Counter(trial.state for trial in trials_of(url))


def fail_once(
    monkeypatch: pytest.MonkeyPatch, call: str, this: Callable[[tuple[Any, ...]], bool]
) -> None:
    """The second of the storage's calls whose arguments are `this` fails."""
    real, count = getattr(_CachedStorage, call), 0

    def flaky(self: _CachedStorage, *args: Any, **named: Any) -> Any:
        nonlocal count
        count += this((*args, *named.values()))
        if count == 2 and this((*args, *named.values())):
            raise StorageInternalError("the server closed the connection")
        return real(self, *args, **named)

    monkeypatch.setattr(_CachedStorage, call, flaky)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        pytest.param("set_trial_user_attr", "worker", marks=pytest.mark.slow),
        pytest.param("set_trial_user_attr", "config", marks=pytest.mark.slow),
        pytest.param("set_trial_user_attr", "fold_values", marks=pytest.mark.slow),
        pytest.param("set_trial_param", "lr", marks=pytest.mark.slow),
        ("set_trial_intermediate_value", 2),
        ("set_trial_state_values", TrialState.COMPLETE),
    ],
)
def test_a_storage_that_fails_once_loses_no_point_of_a_grid(
    url: str, monkeypatch: pytest.MonkeyPatch, call: str, word: object
) -> None:
    def grid() -> None:
        search(
            SPACE, TASK, sampler="grid", pruner="none", jobs=1, open=2, fuse="off", study="s",
            storage=url, retrain=0,
        )  # fmt: skip

    fail_once(monkeypatch, call, lambda given: word in given)
    with pytest.raises(StorageInternalError, match="closed the connection"):
        grid()
    assert states(url)[TrialState.RUNNING] == 0
    grid()
    assert states(url)[TrialState.COMPLETE] == POINTS
    assert set(states(url)) == {TrialState.COMPLETE, TrialState.FAIL}


@pytest.mark.parametrize(("validate_at", "rounds"), [("epochs", 2), ("rungs", 4)])
def test_a_trial_taken_for_dead_before_a_rung_is_dropped(
    url: str, validate_at: Validate, rounds: int
) -> None:
    seen = 0

    def take_one(event: Event) -> None:
        nonlocal seen
        seen += event.kind == "round"
        if event.kind == "round" and seen == rounds:
            study = load_study(open_storage(url), "s", url)
            put_back(study, next(t for t in trials_of(url) if t.state is TrialState.RUNNING))

    search(
        SPACE, TASK.model_copy(update={"epochs": 10}), trials=6, sampler="random",
        pruner="hyperband", validate_at=validate_at, jobs=1, open=4, fuse="off", study="s",
        storage=url, retrain=0, progress=take_one,
    )  # fmt: skip
    assert states(url)[TrialState.FAIL] == 1
    assert states(url)[TrialState.RUNNING] == states(url)[TrialState.WAITING] == 0
    assert states(url).total() == 7, "another took its place"


def test_a_trial_taken_for_dead_while_it_is_told_is_dropped(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = optuna.Trial.set_user_attr

    def late(trial: optuna.Trial, key: str, value: object) -> None:
        keep(trial, key, value)
        if key == "seconds" and trial.number == 0:  # the last before it is told
            study = load_study(open_storage(url), "s", url)
            put_back(study, study.get_trials()[trial.number])

    monkeypatch.setattr(optuna.Trial, "set_user_attr", late)
    run(url, 3)
    assert states(url) == {TrialState.FAIL: 1, TrialState.WAITING: 1, TrialState.COMPLETE: 2}


def short_of_memory_in_round(monkeypatch: pytest.MonkeyPatch, which: int) -> None:
    train_epoch, rounds = Pool.train_epoch, 0

    def limited(pool: Pool, after_step: Callable[[], None]) -> dict[int, list[float]]:
        nonlocal rounds
        rounds += 1
        if rounds == which:
            raise torch.OutOfMemoryError
        return train_epoch(pool, after_step)

    monkeypatch.setattr(Pool, "train_epoch", limited)


def test_a_trial_that_is_being_asked_for_when_memory_runs_out_runs_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = optuna.Study.ask

    def slow(study: optuna.Study, *args: Any) -> optuna.Trial:
        trial = ask(study, *args)
        time.sleep(0.2)
        return trial

    monkeypatch.setattr(optuna.Study, "ask", slow)
    short_of_memory_in_round(monkeypatch, 3)  # its trials' last: others are asked for
    run(url, 7, slots=2)
    assert states(url)[TrialState.COMPLETE] == 7
    assert states(url)[TrialState.FAIL] >= 3


def test_what_failed_before_memory_ran_out_is_raised(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_once(monkeypatch, "set_trial_user_attr", lambda given: "seconds" in given)
    short_of_memory_in_round(monkeypatch, 4)
    with pytest.raises(StorageInternalError):
        run(url, 6, slots=2)
    assert states(url)[TrialState.RUNNING] == 0


def test_no_point_beside_a_grid_is_run(tmp_path: Path) -> None:
    """Another process took the last point between this one's look at the queue and its ask."""
    study = optuna.create_study(study_name="s")
    study.enqueue_trial({"lr": 0.03, "svrg": 0})
    ledger = Ledger(OpenTrials(study), spaces.load(SPACE), lambda: True, only_queued=True)
    with ledger:
        ledger.ask(2)
        ledger.settle()
        assert [entry.trial.params["lr"] for entry in ledger.ready] == [0.03]
        assert ledger.denied
        assert [t.state for t in study.get_trials()] == [TrialState.RUNNING, TrialState.FAIL]
        ledger.put_back()
