"""Trials are counted by how they ended."""

from __future__ import annotations

import optuna
from optuna.trial import TrialState

from vrtune.config import Task
from vrtune.studies.counts import Counts, Interrupted, count, interrupted
from vrtune.studies.leases import put_back
from vrtune.studies.outcome import CONTINUED, INHERITED
from vrtune.studies.record import StudyRecord, open_study

RECORD = StudyRecord(task=Task(), space="sgd", fingerprint="0" * 16, data_dir="data", version="0")


def test_trials_are_counted_by_how_they_ended() -> None:
    study = open_study(optuna.storages.InMemoryStorage(), "s", RECORD)
    assert str(count([])) == "0 complete, 0 pruned"
    done, pruned, wrong, cut_off, without = (study.ask() for _ in range(5))
    study.tell(done, 1.0)
    study.tell(pruned, state=TrialState.PRUNED)
    study.tell(wrong, state=TrialState.FAIL)
    cut_off.suggest_float("x", 0, 1)
    for _ in range(2):  # the second time it is another one that repeats it
        put_back(study, study.get_trials()[cut_off.number])
        cut_off = study.ask()
        cut_off.suggest_float("x", 0, 1)
    put_back(study, study.get_trials()[without.number])  # before it had parameters
    counts = Counts(complete=1, pruned=1, failed=1, interrupted=3, running=1)
    assert count(study.get_trials()) == counts
    assert str(counts) == "1 complete, 1 pruned, 1 failed, 3 interrupted, 1 running"


def test_interrupted_trials_say_what_they_cost() -> None:
    """One trains epochs 1 to 3, the next goes on from 2 and reaches 4, the last begins anew."""
    study = open_study(optuna.storages.InMemoryStorage(), "s", RECORD)
    assert interrupted([]) == Interrupted()

    def train(first: int, last: int, *, goes_on: bool) -> optuna.Trial:
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        if goes_on:
            trial.set_user_attr(CONTINUED, first - 1)
            trial.set_user_attr(INHERITED, 10.0 * (first - 1))
        trial.set_user_attr("gradient_computations", 10.0 * last)
        for epoch in range(1, last + 1):
            trial.report(1.0, epoch)
        return trial

    def cut(trial: optuna.Trial) -> Interrupted:
        put_back(study, study.get_trials()[trial.number])
        return interrupted(study.get_trials())

    first = cut(train(1, 3, goes_on=False))
    assert first == Interrupted(trials=1, epochs=3, repeated=0, gradient_computations=30.0)
    assert str(first) == "30 gradient computations, 3 epochs"
    second = cut(train(3, 4, goes_on=True))
    assert second == Interrupted(trials=2, epochs=5, repeated=1, gradient_computations=50.0)
    study.tell(train(1, 6, goes_on=False), 1.0)
    found = interrupted(study.get_trials())
    assert found == Interrupted(trials=2, epochs=5, repeated=5, gradient_computations=50.0)
    assert str(found) == "50 gradient computations, 5 epochs (5 trained again)"
