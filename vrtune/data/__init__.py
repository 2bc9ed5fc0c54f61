"""Data sets: a named one is a file here and a line below; folders and .npz files need neither."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

from vrtune.data import digits, downloads, folder, npz
from vrtune.data.base import Dataset, Part
from vrtune.errors import UsageError

__all__ = ["DATASETS", "Dataset", "Part", "load"]

DATASETS: dict[str, Callable[[Path], Dataset]] = {
    "cifar10": downloads.cifar10,
    "cifar100": downloads.cifar100,
    "digits": digits.load,
    "fashion-mnist": downloads.fashion_mnist,
    "mnist": downloads.mnist,
}


def load(dataset: str, data_dir: Path) -> Dataset:
    """A data set by name (its files in `data_dir`), by folder, or by .npz file.

    Raises UsageError where `dataset` is none of these, VrtuneError where its data are amiss.
    """
    if dataset in DATASETS:
        return DATASETS[dataset](data_dir)
    path = Path(dataset).expanduser()
    if path.is_dir():
        return folder.load(path)
    if path.is_file() and path.suffix == ".npz":
        return npz.load(path)
    close = difflib.get_close_matches(dataset.lower(), DATASETS, n=1)
    raise UsageError(
        f"{dataset!r} is no data set{f' (did you mean {close[0]!r}?)' if close else ''}; "
        f"choose one of {', '.join(DATASETS)}, or give a folder or an .npz file that exists"
    )
