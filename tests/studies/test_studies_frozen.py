"""Pruning from one snapshot a round decides as Optuna's own should_prune does."""

from __future__ import annotations

import random

import optuna
import pytest

from vrtune.studies.frozen import Snapshot
from vrtune.studies.pruners import PRUNERS, make_pruner

EPOCHS, TRIALS = 9, 40


def curve(number: int) -> list[float]:
    """Validation losses that fall at different speeds, with noise."""
    rng = random.Random(number)
    speed = rng.uniform(0.0, 0.5)
    return [2.3 * (1 - speed) ** epoch + rng.uniform(0, 0.2) for epoch in range(EPOCHS)]


def run(pruner: str, *, snapshots: bool) -> list[str]:
    """Runs trials two at a time and returns how each ended, with its last epoch."""
    study = optuna.create_study(
        study_name="s", pruner=make_pruner(pruner, EPOCHS), sampler=optuna.samplers.RandomSampler(0)
    )
    snapshot = Snapshot(study._storage)
    judged = optuna.Study("s", snapshot, pruner=study.pruner)  # type: ignore[arg-type]
    ends = {}
    for first in range(0, TRIALS, 2):
        open_trials = [study.ask() for _ in range(2)]
        for epoch in range(1, EPOCHS + 1):
            for trial in open_trials:
                trial.report(curve(trial.number)[epoch - 1], epoch)
            snapshot.take(study._study_id)
            pruned = {}
            for trial in open_trials if epoch < EPOCHS else []:
                if snapshots:
                    frozen = snapshot.trial(trial._trial_id)
                    pruned[trial.number] = study.pruner.prune(judged, frozen)
                else:
                    pruned[trial.number] = trial.should_prune()
            for trial in list(open_trials):
                if pruned.get(trial.number):
                    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                elif epoch == EPOCHS:
                    study.tell(trial, curve(trial.number)[-1])
                else:
                    continue
                ends[trial.number] = f"{'pruned' if epoch < EPOCHS else 'done'} {epoch}"
                open_trials.remove(trial)
        assert len(ends) == first + 2
    return [ends[number] for number in sorted(ends)]


@pytest.mark.parametrize("pruner", PRUNERS)
def test_snapshot_decides_as_should_prune(pruner: str) -> None:
    ends = run(pruner, snapshots=True)
    assert ends == run(pruner, snapshots=False)
    if pruner != "none":
        assert any(end.startswith("pruned") for end in ends)
    assert any(end.startswith("done") for end in ends)


def test_a_study_is_looked_up_once() -> None:
    """Hyperband asks for its id at every decision, 5 ms of a database."""
    study = optuna.create_study(study_name="s")
    snapshot = Snapshot(study._storage)
    assert snapshot.get_study_id_from_name("s") == study._study_id
    snapshot._storage = None  # type: ignore[assignment]
    assert snapshot.get_study_id_from_name("s") == study._study_id
