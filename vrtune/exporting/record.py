"""What is said of a trial: its setting, its protocol, what came of it, where it comes from."""

from __future__ import annotations

import inspect
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import optuna
import torch
from optuna.trial import FrozenTrial
from pydantic import AwareDatetime, Field

from vrtune.config import Settings, Task
from vrtune.retraining import Retrained, Spread, retrained
from vrtune.spaces import FROM_FILE
from vrtune.studies.record import StudyRecord, read_config
from vrtune.trial_config import TrialConfig
from vrtune.units import Unit

SCHEMA_VERSION = 1


class CrossValidation(Settings):
    """What the folds, or the part held out, said at the trial's last epoch."""

    value: float = Field(description="mean validation loss over folds")
    fold_values: list[float | None] = Field(description="validation loss of each fold")
    fold_accuracies: list[float | None] = Field(description="validation accuracy, 0..1")
    epochs: int
    gradient_computations: float = Field(description="mini-batch gradients, all folds")


class RetrainResult(Settings):
    """What the test set said after training on the whole training set."""

    seeds: int
    test_accuracy: Spread
    test_loss: Spread
    gradient_computations: float = Field(description="mini-batch gradients, all seeds")


class Results(Settings):
    """How the setting did."""

    cross_validation: CrossValidation
    retrain: RetrainResult | None = None


class Provenance(Settings):
    """Where the setting comes from."""

    study: str
    trial: int
    space: str = Field(description="name of the search space")
    seed: int = Field(description="keys folds, weights and batches")
    storage: str = Field(description="kind of storage")
    data_fingerprint: str = Field(description="first 16 hex digits of the training data's SHA-256")
    commit: str | None = Field(default=None, description="git commit of the working directory")
    vrtune: str
    torch: str
    optuna: str
    python: str
    created: AwareDatetime = Field(description="time of the export, UTC")
    units: dict[str, str] = Field(
        default={}, description="kinds that are not vrtune's own, and where each is defined"
    )


class ExportedTrial(Settings):
    """A setting, the protocol it was judged by, what came out, and where it comes from."""

    schema_version: int = Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)
    config: TrialConfig
    protocol: Task
    results: Results
    provenance: Provenance


def describe(
    study: optuna.Study, record: StudyRecord, trial: FrozenTrial, storage: str
) -> ExportedTrial:
    """All there is to say about a complete trial."""
    kept, config = trial.user_attrs, read_config(study, trial)
    assert trial.value is not None
    return ExportedTrial(
        schema_version=SCHEMA_VERSION,
        config=config,
        protocol=record.task,
        results=Results(
            cross_validation=CrossValidation(
                value=trial.value,
                fold_values=kept["fold_values"],
                fold_accuracies=kept["fold_accuracies"],
                epochs=trial.last_step or record.task.epochs,
                gradient_computations=kept["gradient_computations"],
            ),
            retrain=_tested(retrained(study, trial.number)),
        ),
        provenance=Provenance(
            study=study.study_name,
            trial=trial.number,
            space=record.space,
            seed=record.task.seed,
            storage=_dialect(storage),
            data_fingerprint=record.fingerprint,
            commit=_commit(),
            vrtune=version("vrtune"),
            torch=str(torch.__version__),
            optuna=version("optuna"),
            python=platform.python_version(),
            created=datetime.now(UTC).replace(microsecond=0),
            units=foreign_units(config),
        ),
    )


def foreign_units(config: TrialConfig) -> dict[str, str]:
    """Where each unit of a setting comes from that is not vrtune's own: kind -> module.Class."""
    units: list[Unit] = [unit for _, unit in config]
    return {
        unit.kind: f"{home_of(type(unit))}.{type(unit).__name__}"
        for unit in units
        if not type(unit).__module__.startswith("vrtune.")
    }


def home_of(unit: type[Unit]) -> str:
    """The module that a unit is imported from: of a file that was loaded by path, its stem."""
    module = unit.__module__
    if module.startswith(FROM_FILE):
        return Path(inspect.getfile(unit)).stem
    return module


def _tested(kept: Retrained | None) -> RetrainResult | None:
    """Without the curves, which lie beside the weights."""
    if kept is None:
        return None
    return RetrainResult.model_validate(kept.model_dump(include=set(RetrainResult.model_fields)))


def _dialect(url: str) -> str:
    """The URL without user, password, host and path."""
    return url.partition("://")[0].partition("+")[0] if "://" in url else "journal"


def _commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--verify", "HEAD"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
