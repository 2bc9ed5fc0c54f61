"""Settings trained from several starts with their test errors by epoch; cut off, they go on."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vrtune import Task, TrialConfig
from vrtune.config import storage_url
from vrtune.lanes.device import choose_device, cores
from vrtune.lanes.workspace import Workspace
from vrtune.retraining.resuming import Resuming, about
from vrtune.retraining.training import train
from vrtune.storages.opening import open_storage
from vrtune.studies.record import StudyRecord, open_study


def trained(
    config: TrialConfig, task: Task, name: str, given: argparse.Namespace
) -> dict[str, Any]:
    """One setting on the whole training set, every start a lane. The test set is read after each
    epoch, of which nothing depends; the checkpoints lie beside the storage."""
    device, url = choose_device("auto"), storage_url(given.storage)
    workspace = Workspace(task, Path(given.data_dir), device, threads=cores(device))
    made = StudyRecord(
        task=task, space=name, fingerprint=workspace.dataset.fingerprint,
        data_dir=str(given.data_dir), version=version("vrtune"),
    )  # fmt: skip
    study = open_study(open_storage(url), name, made)
    key = about(workspace, {0: config}, given.seeds, task.epochs, test_curve=True)
    resuming = Resuming(study, url, key, lambda event: print(event, flush=True))
    done, _ = train({0: config}, workspace, given.seeds, test_curve=True, resuming=resuming)
    resuming.done()
    found, accuracies = done[0], done[0].test_accuracies
    assert found.test_accuracy is not None
    assert accuracies is not None
    return {
        "config": config.model_dump(mode="json"),
        "test_error": [[a if a is None else 1 - a for a in curve] for curve in accuracies],
        "test_accuracy": found.test_accuracy.model_dump(),
        "train_losses": found.train_losses,
        "costs": found.costs,
        "continued": found.continued,
    }
