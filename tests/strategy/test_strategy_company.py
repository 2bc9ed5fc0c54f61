"""AutoSampler in Optuna's own loop: with a pruner, with other threads and with other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from vrtune import AutoSampler, FoldsPruner, report_folds
from vrtune.storages import locks
from vrtune.studies.leases import OpenTrials

START = {"x": 0.5, "y": 0.5}


def bowl(trial: optuna.Trial) -> float:
    return 0.1 + (trial.suggest_float("x", 0, 1) - 0.3) ** 2 + trial.suggest_float("y", 0, 1) ** 2


def test_with_the_pruner_in_optunas_own_loop() -> None:
    study = optuna.create_study(
        sampler=AutoSampler(default={"x": 0.9, "y": 0.9}, seed=1), pruner=FoldsPruner(epochs=8)
    )

    def trains(trial: optuna.Trial) -> float:
        floor = bowl(trial)
        for epoch in range(1, 9):
            losses = [floor * shift + 2 * 0.4**epoch for shift in (0.9, 1.0, 1.2)]
            report_folds(trial, losses, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return sum(losses) / len(losses)

    study.optimize(trains, n_trials=18)
    states = [trial.state for trial in study.trials]
    assert {TrialState.PRUNED, TrialState.COMPLETE} == set(states)
    assert states.count(TrialState.PRUNED) > 4
    assert study.best_value < 0.16


def test_two_threads_share_a_database(url: str) -> None:
    study = optuna.create_study(storage=url, sampler=AutoSampler(default=START, seed=1))
    study.optimize(bowl, n_trials=8, n_jobs=2)
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 8
    assert sum(trial.params == START for trial in study.trials) == 1


@pytest.mark.parametrize("grid", [None, [{"x": x, "y": 0.5} for x in (0.2, 0.4, 0.6, 0.8)]])
def test_what_was_proposed_counts_before_it_is_asked_for(
    url: str, grid: list[dict[str, float]] | None
) -> None:
    study = optuna.create_study(storage=url, sampler=AutoSampler(default=START, grid=grid, seed=1))
    study.optimize(bowl, n_trials=1)
    proposed = [OpenTrials(study).take().relative_params for _ in range(4)]
    assert START not in proposed
    assert len({tuple(params.values()) for params in proposed}) == 4
    if grid:
        assert all(params in grid for params in proposed)


def test_one_process_at_a_time_is_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study(storage=url, sampler=AutoSampler(default=START, seed=1))
    study.optimize(bowl, n_trials=1)
    held, propose = [], AutoSampler.sample_relative

    def noted(*args: Any) -> dict[str, Any]:
        held.append(bool(locks._held))
        return propose(*args)

    monkeypatch.setattr(AutoSampler, "sample_relative", noted)
    trial = OpenTrials(study).take()
    assert held == [True]
    bowl(trial)
    study.enqueue_trial(START)
    OpenTrials(study).take()
    assert held == [True], "nothing is proposed in place of what was queued"


PROGRAM = """
import sys, optuna
from vrtune import AutoSampler
study = optuna.load_study(study_name="s", storage=sys.argv[1], sampler=AutoSampler(seed=1))
def bowl(t):
    return .1 + (t.suggest_float("x", 0, 1) - .3) ** 2 + t.suggest_float("y", 0, 1) ** 2
study.optimize(bowl, n_trials=int(sys.argv[2]))
"""


def test_processes_share_a_database_and_nothing_else(url: str) -> None:
    optuna.create_study(study_name="s", storage=url)
    root = Path(__file__).parents[2]
    for count in (3, 4):
        command = [sys.executable, "-c", PROGRAM, url, str(count)]
        subprocess.run(command, check=True, cwd=root, env={**os.environ, "OMP_NUM_THREADS": "1"})
    here = optuna.create_study(sampler=AutoSampler(seed=1))
    here.optimize(bowl, n_trials=7)
    there = optuna.load_study(study_name="s", storage=url)
    assert [t.params for t in there.trials] == [t.params for t in here.trials]
