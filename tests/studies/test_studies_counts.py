"""Trials are counted by how they ended."""

from __future__ import annotations

import optuna
from optuna.trial import TrialState

from vrtune.config import Task
from vrtune.studies.counts import Counts, count
from vrtune.studies.leases import put_back
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
