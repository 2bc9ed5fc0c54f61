"""Data sets: a named one is a file here and a line below; folders and .npz files need neither."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

from vrtune.data.base import Dataset, Part
from vrtune.errors import UsageError
from vrtune.later import Named

__all__ = ["DATASETS", "Dataset", "Part", "load"]

DATASETS = {
    "cifar10": Named("vrtune.data.downloads", "cifar10"),
    "cifar100": Named("vrtune.data.downloads", "cifar100"),
    "digits": Named("vrtune.data.digits", "load"),
    "fashion-mnist": Named("vrtune.data.downloads", "fashion_mnist"),
    "mnist": Named("vrtune.data.downloads", "mnist"),
}


def load(dataset: str, data_dir: Path) -> Dataset:
    """A data set by name (its files in `data_dir`), by folder, or by .npz file.

    Raises UsageError where `dataset` is none of these, VrtuneError where its data are amiss.
    """
    if dataset in DATASETS:
        return DATASETS[dataset](_at_home(data_dir))
    path = _at_home(Path(dataset))
    if os.path.isdir(path):
        from vrtune.data import folder  # which need PyTorch

        return folder.load(path)
    if os.path.isfile(path) and path.suffix.lower() == ".npz":
        from vrtune.data import npz

        return npz.load(path)
    close = difflib.get_close_matches(dataset.lower(), DATASETS, n=1)
    raise UsageError(
        f"{dataset!r} is no data set{f' (did you mean {close[0]!r}?)' if close else ''}; "
        f"choose one of {', '.join(DATASETS)}, or give a folder or an .npz file that exists"
    )


def _at_home(path: Path) -> Path:
    """A path with ~ and ~user expanded."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise UsageError(f"{str(path)!r} begins with a user who is not known here") from None
