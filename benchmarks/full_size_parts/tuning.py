"""A method's grid on a part that is held out, then the best setting trained again and tested."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from vrtune import Task, retrain, search
from vrtune.comparing.tried import Tried, read_trial
from vrtune.config import storage_url
from vrtune.storages.opening import open_storage
from vrtune.studies.choice import ranked
from vrtune.studies.counts import states
from vrtune.studies.record import load_study
from vrtune.studies.retrained import Retrained, retrained


def tuned(space: Path, task: Task, name: str, given: argparse.Namespace) -> dict[str, Any]:
    """What a study holds at its end; one that was cut off goes on from its checkpoints.

    The setting with the lowest validation loss at the end is trained again on all samples, from
    `given.seeds` starts, and only then the test set is read, by vrtune.retraining.
    """
    url = storage_url(given.storage)
    before = study_of(name, url)
    left = None if given.trials is None else given.trials - (len(ended(before)) if before else 0)
    if before is None or again_of(before) is None:
        if left is None or left > 0:
            search(
                space, task, study=name, storage=url, data_dir=given.data_dir,
                sampler="grid", pruner="none", trials=left, confirm=0, retrain=1,
                retrain_seeds=given.seeds, artifacts="off", jobs=1, progress=False,
            )  # fmt: skip
        else:
            retrain(name, storage=url, seeds=given.seeds, progress=False)
    study = study_of(name, url)
    assert study is not None
    again = again_of(study)
    if again is None:
        raise SystemExit(f"study {name} was stopped: the same command goes on")
    if again.seeds != given.seeds or given.trials not in (None, len(ended(study))):
        raise SystemExit(
            f"study {name} holds {len(ended(study))} settings and {again.seeds} seeds, and others "
            "were asked for: give another --storage"
        )
    return told(study, again)


def study_of(name: str, url: str) -> optuna.Study | None:
    """The study of a name, if there is one."""
    storage = open_storage(url)
    there = {study.study_name for study in storage.get_all_studies()}
    return load_study(storage, name, url) if name in there else None


def ended(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that came to their end, those that diverged among them."""
    trials = study.get_trials(deepcopy=False)
    known = states(trials)
    return [trial for trial in trials if known[trial.number] in ("complete", "failed")]


def again_of(study: optuna.Study) -> Retrained | None:
    """What a study keeps of training its best trial again."""
    best = ranked(study)[:1]
    return retrained(study, best[0].number) if best else None


def told(study: optuna.Study, again: Retrained) -> dict[str, Any]:
    """All settings with their courses, the best of them, and its test."""
    every = [read_trial(trial, "complete", None) for trial in ended(study)]
    best = next(trial for trial in every if trial.number == again.trial)
    return {
        "setting": dict(best.params),
        "validation_loss": best.value,
        "validation_accuracy": best.metrics.get("accuracy", (None,))[0],
        "gradient_computations": best.spent,
        "test_accuracy": again.test_accuracy and again.test_accuracy.model_dump(),
        "test_loss": again.test_loss.model_dump(),
        "train_accuracy": again.train_accuracy and again.train_accuracy.model_dump(),
        "test_gradient_computations": again.gradient_computations,
        "every_setting": [course(trial) for trial in every],
    }


def course(trial: Tried) -> dict[str, Any]:
    """A setting's validation losses over what they had cost; null where it diverged."""
    losses = [values[0] for values in trial.values.values()]
    return {
        "setting": dict(trial.params),
        "losses": [loss if loss == loss else None for loss in losses],
        "spent": list(trial.costs.values()),
    }
