"""Arrays in one .npz file: x_train, y_train, x_test and y_test; class_names, if you like."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from vrtune.data.archive import Archive, opened
from vrtune.data.arrays import KEYS, check_one_target_each, inputs, kept, sample_shape
from vrtune.data.base import Dataset, Outline, Part
from vrtune.data.targets import Targets, Wanted, class_names, targets_of
from vrtune.display.figures import safe
from vrtune.errors import VrtuneError
from vrtune.machine import check_memory


def load(path: Path, wanted: Wanted | None = None) -> Dataset:
    """x is [N, H, W], [N, C, H, W], [N, H, W, C] with C 1 or 3, or [N, D]; y is labels or numbers.

    [N, D] becomes [N, D, 1, 1]: each column is a channel, normalised by itself. uint8 stays uint8,
    floating types become float32. Raises VrtuneError for a missing key, other types and shapes, and
    NaN or infinity. The test arrays are not read yet. `class_names` [classes] are texts.
    """
    with opened(path) as archive:
        missing = [key for key in KEYS if key not in archive.names]
        if missing:
            raise VrtuneError(
                f"{safe(path)} lacks {', '.join(missing)}; save it with {', '.join(KEYS)}"
            )
        targets = targets_of(archive.read("y_train"), f"y_train of {safe(path)}", wanted)
        train = _read(archive, targets, "train")
        names, notes = _class_names(archive, targets)
    return Dataset(
        safe(path.stem),
        targets.classes,
        train,
        lambda: _read_test(path, targets),
        notes=targets.notes + notes,
        class_names=names,
        outline_test=lambda: _outline_test(path, targets),
    )


def _read_test(path: Path, targets: Targets) -> Part:
    with opened(path) as archive:
        return _read(archive, targets, "test")


def _outline_test(path: Path, targets: Targets) -> Outline:
    """From the header of x_test, and y_test."""
    where = f"x_test of {safe(path)}"
    with opened(path) as archive:
        shape, dtype = archive.header("x_test")
        y = targets(archive.read("y_test"), f"y_test of {safe(path)}")
    dtype_kept, sample = kept(dtype, len(shape), where), sample_shape(shape, where)
    check_one_target_each(shape[0], len(y), "test", safe(path))
    check_memory(math.prod(shape) * dtype_kept.itemsize, where)
    return Outline(len(y), sample, dtype_kept, Outline.ends(y))


def _read(archive: Archive, targets: Targets, part: str) -> Part:
    """The arrays of one part, and no other."""
    where = safe(archive.path)
    x = inputs(archive.read(f"x_{part}"), f"x_{part} of {where}")
    y = targets(archive.read(f"y_{part}"), f"y_{part} of {where}")
    check_one_target_each(len(x), len(y), part, where)
    return Part(x, y)


def _class_names(
    archive: Archive, targets: Targets
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The names of the classes, and a sentence if those of the file can't be used."""
    where = f"class_names of {safe(archive.path)}"
    if "class_names" not in archive.names:
        return class_names(None, targets, where)
    shape, dtype = archive.header("class_names")
    readable = dtype.kind != "O"  # Python objects are never read
    given = archive.read("class_names") if readable else np.empty(shape, object)
    return class_names(given, targets, where)
