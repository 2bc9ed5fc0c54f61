"""What the processes of a search are given: training data and folds, read and drawn once."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import torch

from vrtune.config import Task
from vrtune.data.base import Dataset, Part
from vrtune.data.folds import Split
from vrtune.errors import VrtuneError
from vrtune.lanes.workspace import Workspace

# where Linux has the open files of a process, for it to open anew; other systems let those that
# inherit one read it at one position only
OPENED = Path("/proc/self/fd")
NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class Handover:
    """A file without a name, so that none is left behind however this process ends: others inherit
    it open, before there is anything in it."""

    def __init__(self) -> None:
        """VrtuneError if the folder for temporary files can't be written."""
        nameless = OPENED.is_dir()
        make = tempfile.TemporaryFile if nameless else tempfile.NamedTemporaryFile
        try:
            self.file = make(prefix="vrtune-")
        except OSError as error:
            raise _unwritable(error) from None
        self.descriptor = self.file.fileno()
        self.path = OPENED / str(self.descriptor) if nameless else Path(str(self.file.name))

    def close(self) -> None:
        """Has the file gone, once the others have closed it, too."""
        self.file.close()

    def fill(self, workspace: Workspace) -> None:
        """Writes the workspace's training part and splits. VrtuneError if there is no room."""
        try:
            _save(workspace, self.path)
        except (OSError, RuntimeError) as error:  # PyTorch says with either that a disk is full
            raise _unwritable(error, workspace.dataset.train) from None


def take_over(path: Path, task: Task, device: torch.device, *, threads: int) -> Workspace:
    """The workspace that was handed over; on a CPU it is the same memory for all."""
    kept = torch.load(path, mmap=True)
    part = Part(kept["x"], kept["y"])
    dataset = Dataset(kept["name"], kept["classes"], part, _read_no_test)
    splits = [Split(train, validation) for train, validation in kept["splits"]]
    return Workspace(task, Path(), device, dataset, splits, threads=threads)


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


def _unwritable(error: OSError | RuntimeError, part: Part | None = None) -> VrtuneError:
    try:
        folder = tempfile.gettempdir()
    except OSError:  # there is none
        folder = os.environ.get("TMPDIR", "the folder for temporary files")
    what = "the training data"
    if part is not None:
        what += f" ({(part.x.nbytes + part.y.nbytes) / 1e6:.1f} MB)"
    if isinstance(error, OSError) and error.errno not in NO_ROOM:
        sentence = f"{folder} can't be written ({error.strerror or error}), where other processes"
        sentence += f" would read {what}"
    else:
        sentence = f"there is no room in {folder} for {what} that other processes read"
    return VrtuneError(f"{sentence}: set TMPDIR to another folder, or give --jobs 1")


def _read_no_test() -> Part:
    raise VrtuneError("the processes of a search are given no test data")
