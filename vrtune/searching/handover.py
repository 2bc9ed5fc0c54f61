"""What the processes of a search are given: training data and folds, read and drawn once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from vrtune.config import Task
from vrtune.data.base import Dataset, Part
from vrtune.data.folds import Split
from vrtune.errors import VrtuneError
from vrtune.lanes.workspace import Workspace


@contextmanager
def handed_over(workspace: Workspace) -> Iterator[Path]:
    """A file of the workspace's training part and splits, for as long as it is needed."""
    dataset, splits = workspace.dataset, workspace.splits
    with tempfile.TemporaryDirectory(prefix="vrtune-") as folder:
        path = Path(folder) / "training.pt"
        torch.save(
            {
                "name": dataset.name,
                "classes": dataset.classes,
                "x": dataset.train.x,
                "y": dataset.train.y,
                "splits": [(split.train, split.validation) for split in splits],
            },
            path,
        )
        yield path


def take_over(path: Path, task: Task, device: torch.device, *, threads: int) -> Workspace:
    """The workspace that was handed over; on a CPU it is the same memory for all."""
    kept = torch.load(path, mmap=True)
    part = Part(kept["x"], kept["y"])
    dataset = Dataset(kept["name"], kept["classes"], part, _read_no_test)
    splits = [Split(train, validation) for train, validation in kept["splits"]]
    return Workspace(task, path.parent, device, dataset, splits, threads=threads)


def _read_no_test() -> Part:
    raise VrtuneError("the processes of a search have no test data: train the best trials again")
