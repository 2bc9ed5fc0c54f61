"""What a file of weights says of itself: the net, how its inputs are prepared, where it is from."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import torch

from vrtune.data.normalise import statistics, target_statistics
from vrtune.lanes.workspace import Workspace
from vrtune.studies.retrained import Retrained, Spread

BYTES = "(x / 255 - mean) / std, channel by channel, of bytes x"
FLOATS = "(x - mean) / std, channel by channel; of a table, column by column"
NUMBERS = "output * target_std + target_mean"


def about(workspace: Workspace, study: str) -> dict[str, Any]:
    """What is the same for all seeds of all trials."""
    task, data = workspace.task, workspace.dataset
    x, y = data.train.x, data.train.y
    mean, std = statistics(x, workspace.indices)
    found = {
        "model": task.model,
        "norm": task.norm,
        "shape": list(data.shape),
        "classes": data.classes,
        "class_names": data.class_names,
        "inputs": BYTES if x.dtype == torch.uint8 else FLOATS,
        "mean": mean.tolist(),
        "std": std.tolist(),
        "dataset": task.dataset,
        "fingerprint": data.fingerprint,
        "loss": task.loss,
        "metric": task.metric,
        "epochs": task.epochs,
        "study": study,
        "vrtune": version("vrtune"),
        "torch": torch.__version__,
    }
    if data.columns is not None:  # of a table
        found["columns"] = data.columns
    if y.is_floating_point():
        scale, shift = target_statistics(y, workspace.indices)
        found |= {"targets": NUMBERS, "target_mean": shift / scale, "target_std": 1 / scale}
    return found


def metadata(known: dict[str, Any], result: Retrained, seed: int) -> dict[str, str]:
    """That of one file, whose seeds are counted from 1: JSON, but for the format."""
    spreads: dict[str, Spread | None] = {
        "loss": result.test_loss,
        "accuracy": result.test_accuracy,
        **result.test_metrics,
    }
    tested = {name: spread.values[seed - 1] for name, spread in spreads.items() if spread}
    told = {**known, "trial": result.trial, "seed": seed, "test": tested}
    return {"format": "pt", **{name: json.dumps(value) for name, value in told.items()}}
