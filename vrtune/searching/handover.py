"""What the processes of a search are given: training data and folds, read and drawn once."""

from __future__ import annotations

import errno
import os
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

NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextmanager
def handed_over(workspace: Workspace) -> Iterator[Path]:
    """A file of the workspace's training part and splits, for as long as it is needed.

    VrtuneError if the folder for temporary files has no room for it, or can't be written.
    """
    with _folder(workspace) as folder:
        path = Path(folder) / "training.pt"
        try:
            _save(workspace, path)
        except (OSError, RuntimeError) as error:  # PyTorch says with either that a disk is full
            raise _unwritable(workspace, error) from None
        yield path


def take_over(path: Path, task: Task, device: torch.device, *, threads: int) -> Workspace:
    """The workspace that was handed over; on a CPU it is the same memory for all."""
    kept = torch.load(path, mmap=True)
    part = Part(kept["x"], kept["y"])
    dataset = Dataset(kept["name"], kept["classes"], part, _read_no_test)
    splits = [Split(train, validation) for train, validation in kept["splits"]]
    return Workspace(task, path.parent, device, dataset, splits, threads=threads)


def _folder(workspace: Workspace) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="vrtune-", ignore_cleanup_errors=True)
    except OSError as error:
        raise _unwritable(workspace, error) from None


def _save(workspace: Workspace, path: Path) -> None:
    dataset, splits = workspace.dataset, workspace.splits
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


def _unwritable(workspace: Workspace, error: OSError | RuntimeError) -> VrtuneError:
    try:
        folder = tempfile.gettempdir()
    except OSError:  # there is none
        folder = os.environ.get("TMPDIR", "the folder for temporary files")
    part = workspace.dataset.train
    what = f"the training data ({(part.x.nbytes + part.y.nbytes) / 1e6:.1f} MB)"
    if isinstance(error, OSError) and error.errno not in NO_ROOM:
        sentence = f"{folder} can't be written ({error.strerror or error}), where other processes"
        sentence += f" would read {what}"
    else:
        sentence = f"there is no room in {folder} for {what} that other processes read"
    return VrtuneError(f"{sentence}: set TMPDIR to another folder, or give --jobs 1")


def _read_no_test() -> Part:
    raise VrtuneError("the processes of a search are given no test data")
