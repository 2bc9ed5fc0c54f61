"""Pruning that reads the trials once a round decides as Optuna's own should_prune does."""

from __future__ import annotations

import random

import optuna
import pytest

from vrtune.studies.folds import mean, report_folds
from vrtune.studies.frozen import FrozenStorage, Pruning
from vrtune.studies.pruners import PRUNERS, make_pruner

EPOCHS, TRIALS = 9, 40


def curve(number: int) -> list[list[float]]:
    """Validation losses of two folds that fall at different speeds, with noise."""
    rng = random.Random(number)
    speed = rng.uniform(0.0, 0.5)
    return [
        [2.3 * (1 - speed) ** epoch + rng.uniform(0, 0.2) for _ in range(2)]
        for epoch in range(EPOCHS)
    ]


def run(pruner: str, *, frozen: bool) -> list[str]:
    """Runs trials two at a time and returns how each ended, with its last epoch."""
    study = optuna.create_study(
        study_name="s", pruner=make_pruner(pruner, EPOCHS), sampler=optuna.samplers.RandomSampler(0)
    )
    pruning = Pruning(study)
    ends = {}
    for first in range(0, TRIALS, 2):
        open_trials = [study.ask() for _ in range(2)]
        for epoch in range(1, EPOCHS + 1):
            pruning.refresh()
            for trial in open_trials:
                report_folds(trial, curve(trial.number)[epoch - 1], epoch)
                pruning.report(trial.number, epoch, curve(trial.number)[epoch - 1])
            pruned = {}
            for trial in open_trials if epoch < EPOCHS else []:
                pruned[trial.number] = (
                    pruning.should_prune(trial.number) if frozen else trial.should_prune()
                )
            for trial in list(open_trials):
                if pruned.get(trial.number):
                    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                elif epoch == EPOCHS:
                    study.tell(trial, mean(curve(trial.number)[-1]))
                else:
                    continue
                ends[trial.number] = f"{'pruned' if epoch < EPOCHS else 'done'} {epoch}"
                open_trials.remove(trial)
        assert len(ends) == first + 2
    return [ends[number] for number in sorted(ends)]


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_frozen_study_decides_as_should_prune(pruner: str) -> None:
    ends = run(pruner, frozen=True)
    assert ends == run(pruner, frozen=False)
    if pruner != "none":
        assert any(end.startswith("pruned") for end in ends)
    assert any(end.startswith("done") for end in ends)


def test_a_study_is_looked_up_once() -> None:
    """Hyperband asks for its id at every decision, 5 ms of a database."""
    study = optuna.create_study(study_name="s")
    frozen = FrozenStorage(study._storage, lambda number, write: write())
    assert frozen.get_study_id_from_name("s") == study._study_id
    frozen._storage = None  # type: ignore[assignment]
    assert frozen.get_study_id_from_name("s") == study._study_id
