"""What is said of a trial: its setting, its protocol, what came of it, where it comes from."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, Field

from vrtune.config import Settings, Task
from vrtune.own.files import FROM_FILE
from vrtune.studies.counts import Counts
from vrtune.studies.retrained import Spread
from vrtune.trial_config import TrialConfig
from vrtune.units import Unit

SCHEMA_VERSION = 1
OF_NUMBERS = {"mse", "mae", "huber", "rmse", "r2"}  # losses and metrics that labels have none of


class CrossValidation(Settings):
    """What the folds, or the part held out, said at the trial's last epoch."""

    value: float = Field(description="mean over folds of what the study was judged by")
    fold_values: list[float | None] = Field(description="that of each fold")
    fold_accuracies: list[float | None] = Field(
        default=[], description="validation accuracy, 0..1; of labels"
    )
    epochs: int
    gradient_computations: float = Field(description="mini-batch gradients, all folds")
    metric: str = Field(default="loss", description="what the study was judged by")
    direction: str = Field(default="minimize", description="minimize or maximize it")
    fold_losses: list[float | None] | None = Field(
        default=None, description="validation loss of each fold, if that is not the metric"
    )
    fold_metrics: dict[str, list[float | None]] = Field(
        default={}, description="other metrics, of each fold"
    )
    fold_epochs: list[int] | None = Field(
        default=None,
        description="with early stopping, the best epoch of each fold; epochs is "
        "their mean, after which value and folds are told",
    )


class Confirmation(Settings):
    """What the folds said again, before the choice, on other initial weights and orders."""

    repeats: int
    failed: int = Field(description="trainings that learned little, of all")
    trainings: int = Field(description="those of the cross-validation, and these")
    mean: float | None = Field(default=None, description="the metric over all of them")
    losses: list[list[float | None]] = Field(description="[repeat][fold]")
    accuracies: list[list[float | None]] = Field(default=[], description="[repeat][fold], 0..1")
    gradient_computations: float = Field(description="mini-batch gradients, all repeats")
    values: list[list[float | None]] | None = Field(
        default=None, description="[repeat][fold] of the metric, if it is not the loss"
    )
    metrics: dict[str, list[list[float | None]]] = Field(
        default={}, description="other metrics, [repeat][fold]"
    )


class RetrainResult(Settings):
    """What the test set said after training on the whole training set."""

    seeds: int
    epochs: int | None = Field(
        default=None, description="of each training, where not those of the protocol"
    )
    test_accuracy: Spread | None = Field(default=None, description="0..1; of labels")
    test_loss: Spread
    gradient_computations: float = Field(description="mini-batch gradients, all seeds")
    failed: int = Field(default=0, description="seeds that diverged or learned little")
    train_accuracy: Spread | None = Field(
        default=None, description="at the end, on the whole training set, 0..1"
    )
    test_metrics: dict[str, Spread] = Field(default={}, description="all that were measured")
    train_metrics: dict[str, Spread] = Field(default={}, description="likewise, as train_accuracy")


class Results(Settings):
    """How the setting did."""

    cross_validation: CrossValidation
    confirmation: Confirmation | None = None
    retrain: RetrainResult | None = None


class Search(Settings):
    """How the setting was found. What a study of an older vrtune did not keep is null or empty."""

    sampler: str | None = Field(
        default=None, description="of the search that ran the trial, as the next three"
    )
    pruner: str | None = None
    start: str | None = Field(
        default=None, description="whether auto began with DEFAULT and points of GRID"
    )
    default: dict[str, Any] = Field(description="the setting it began with: the space's DEFAULT")
    ranges: dict[str, dict[str, Any]] = Field(description="as Optuna writes distributions")
    searches: int = Field(description="of the study, which the rest is about, too")
    trials: Counts
    gradient_computations: float = Field(description="of all trials that ended")
    confirmed: int = Field(description="trials that were judged again")
    confirm_gradient_computations: float


class Data(Settings):
    """What it was trained on, and how to find that again."""

    name: str
    fingerprint: str = Field(description="first 16 hex digits of the training data's SHA-256")
    data_dir: str = Field(description="of the search")
    find: str
    class_names: tuple[str, ...] | None = Field(
        default=None, description="in the order of their labels, where they have names"
    )
    targets: str | None = Field(default=None, description="labels or numbers")
    samples: int | None = Field(default=None, description="of the whole training part")
    shape: tuple[int, ...] | None = Field(default=None, description="of a sample, (C, H, W)")


class Architecture(Settings):
    """The net."""

    model: str
    norm: str = Field(description="normalisation layers")
    inputs: str = Field(description="how images are normalised")
    parameters: int | None = Field(default=None, description="how many there are")


class Provenance(Settings):
    """Where the setting comes from."""

    study: str
    trial: int
    space: str = Field(description="name of the search space")
    seed: int = Field(description="keys folds, weights and batches")
    storage: str = Field(description="kind of storage")
    data_fingerprint: str = Field(description="first 16 hex digits of the training data's SHA-256")
    commit: str | None = Field(
        default=None, description="git commit of the folder that the search ran in"
    )
    vrtune: str | None = Field(default=None, description="version that trained, as the next four")
    torch: str | None = None
    optuna: str | None = None
    numpy: str | None = None
    python: str | None = None
    device: str | None = Field(default=None, description="a GPU's name, or cpu")
    exported_by: str | None = Field(default=None, description="version of vrtune that exported")
    created: AwareDatetime = Field(description="time of the export, UTC")
    units: dict[str, str] = Field(
        default={}, description="kinds that are not vrtune's own, and where each is defined"
    )
    objects: dict[str, str] = Field(
        default={}, description="digests of the sources of the task's own model, loss and metric"
    )


class ExportedTrial(Settings):
    """A setting, the protocol it was judged by, what came out, and where it comes from."""

    schema_version: int = Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)
    config: TrialConfig
    protocol: Task
    results: Results
    search: Search | None = None
    data: Data | None = None
    architecture: Architecture | None = None
    provenance: Provenance
    hydra: dict[str, Any] | None = Field(
        default=None, description="model, init, optimizer and scheduler for hydra's instantiate"
    )
    lightning: dict[str, Any] | None = Field(
        default=None, description="optimizer and lr_scheduler for jsonargparse and LightningCLI"
    )

    @property
    def kept_epochs(self) -> int | None:
        """Epochs that early stopping kept of the task's; None without it."""
        return None if self.protocol.patience is None else self.results.cross_validation.epochs

    @property
    def predicts_numbers(self) -> bool:
        """Whether targets are numbers, not labels."""
        if self.data is not None and self.data.targets is not None:
            return self.data.targets == "numbers"
        return bool({self.protocol.loss, self.protocol.metric} & OF_NUMBERS)


def foreign_units(config: TrialConfig) -> dict[str, str]:
    """Where each unit of a setting comes from that is not vrtune's own: kind -> module.Class."""
    units: list[Unit] = [unit for _, unit in config]
    return {
        unit.kind: f"{home_of(type(unit))}.{type(unit).__name__}"
        for unit in units
        if not type(unit).__module__.startswith("vrtune.")
    }


def home_of(unit: type[Unit]) -> str:
    """The module that a unit is imported from: of a file that was loaded by path, its stem, or its
    place in a package beside that."""
    folder, _, name = unit.__module__.partition(".")
    if folder.startswith(FROM_FILE):
        return name if "." in name else Path(inspect.getfile(unit)).stem
    return unit.__module__
