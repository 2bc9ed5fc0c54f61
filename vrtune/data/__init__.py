"""Data sets: a named one is a file here and a line below; those that users have need neither."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vrtune.config import Task
from vrtune.data.base import TABLES, Dataset, Part
from vrtune.errors import UsageError
from vrtune.later import Named
from vrtune.own.objects import is_object

if TYPE_CHECKING:
    from vrtune.data.targets import Wanted

__all__ = ["DATASETS", "TABLES", "WAYS", "Dataset", "Part", "load", "of_task"]

DATASETS = {
    "cifar10": Named("vrtune.data.downloads", "cifar10"),
    "cifar100": Named("vrtune.data.downloads", "cifar100"),
    "digits": Named("vrtune.data.digits", "load"),
    "fashion-mnist": Named("vrtune.data.downloads", "fashion_mnist"),
    "mnist": Named("vrtune.data.downloads", "mnist"),
}
WAYS = "a folder, an .npz, .csv or .parquet file, or FILE.py:FUNCTION"  # of giving one's own


def of_task(task: Task, data_dir: Path) -> Dataset:
    """A task's data set: by its name or path, with its target; whole numbers are labels or numbers
    as its loss and metric want."""
    from vrtune.data.targets import wanted  # which needs PyTorch, as all below

    return load(task.dataset, data_dir, task.target, wanted(task))


def load(
    dataset: str, data_dir: Path, target: str | None = None, wanted: Wanted | None = None
) -> Dataset:
    """A data set by name (its files in `data_dir`), by folder, file, or function of a user's.

    `target` is the column of a table that is predicted; `wanted` says what targets are taken for
    that can be labels or numbers. Raises UsageError where `dataset` is nothing of this, VrtuneError
    where its data are amiss.
    """
    from vrtune.data.table_files import is_table

    path = _at_home(Path(dataset))
    if dataset not in DATASETS and is_table(path):
        from vrtune.data import tables

        return tables.load(path, target, wanted)
    if path.suffix.lower() in TABLES and not os.path.exists(path):
        raise UsageError(f"there is no table {dataset!r}: correct its path")
    if target is not None:
        raise UsageError(
            f"--target {target} belongs to tables, and {dataset} is none: leave it out"
        )
    if dataset in DATASETS:
        return DATASETS[dataset](_at_home(data_dir))
    if os.path.isdir(path):
        from vrtune.data import folder

        return folder.load(path)
    if os.path.isfile(path) and path.suffix.lower() == ".npz":
        from vrtune.data import npz

        return npz.load(path, wanted)
    if is_object(dataset):
        from vrtune.data import own

        return own.load(dataset, _at_home(data_dir), wanted)
    if path.suffix == ".py":
        raise UsageError(
            f"dataset {dataset} is a file: give {dataset}:FUNCTION, which loads the data"
        )
    close = difflib.get_close_matches(dataset.lower(), DATASETS, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    if path.suffix.lower() == ".npz" and not os.path.exists(path):
        hint = " (there is no such file)"
    raise UsageError(
        f"{dataset!r} is no data set{hint}; choose one of {', '.join(DATASETS)}, or give {WAYS}"
    )


def _at_home(path: Path) -> Path:
    """A path with ~ and ~user expanded."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise UsageError(f"{str(path)!r} begins with a user who is not known here") from None
