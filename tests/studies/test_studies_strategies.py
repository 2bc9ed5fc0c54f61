"""Where a pruner decides: what it is not shown in between changes no decision."""

from __future__ import annotations

import random

import optuna
import pytest

from vrtune.studies.pruners import PRUNERS, make_pruner, rungs

EPOCHS, TRIALS = 30, 60


def pruned_at(pruner: str, epochs: frozenset[int] | None) -> list[int]:
    """The epoch in which each of many trials ends, if their values are reported at `epochs`."""
    study = optuna.create_study(
        study_name="s", pruner=make_pruner(pruner, EPOCHS), sampler=optuna.samplers.RandomSampler(0)
    )
    ends = []
    for number in range(TRIALS):
        rng = random.Random(number)
        speed, trial = rng.uniform(0.0, 0.3), study.ask()
        for epoch in range(1, EPOCHS + 1):
            value = (1 - speed) ** epoch + rng.uniform(0, 0.3)
            if epochs and epoch not in epochs:
                continue
            trial.report(value, epoch)
            if epoch < EPOCHS and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, value)
        ends.append(epoch)
    return ends


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_pruner_decides_at_its_rungs_alone(pruner: str) -> None:
    ends = pruned_at(pruner, None)
    assert pruned_at(pruner, rungs(pruner, EPOCHS)) == ends
    assert (set(ends) == {EPOCHS}) == (pruner == "none")


@pytest.mark.parametrize("pruner", PRUNERS)
@pytest.mark.parametrize("epochs", [1, 3, 4, 20])
def test_the_last_epoch_is_always_judged(pruner: str, epochs: int) -> None:
    at = rungs(pruner, epochs)
    assert at is None or (max(at) == epochs and min(at) >= 1)


def test_rungs_of_twenty_epochs() -> None:
    assert rungs("hyperband", 20) == {1, 3, 9, 20}
    assert rungs("halving", 20) == {1, 4, 16, 20}
    assert rungs("none", 20) == {20}
    assert rungs("median", 20) is None
