"""Arrays in one .npz file: x_train, y_train, x_test and y_test; class_names, if you like."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vrtune.data.archive import Archive, opened
from vrtune.data.base import Dataset, Outline, Part
from vrtune.display.figures import safe
from vrtune.errors import VrtuneError
from vrtune.machine import check_memory

KEYS = ("x_train", "y_train", "x_test", "y_test")
CHANNELS = (1, 3)


def load(path: Path) -> Dataset:
    """x is [N, H, W], [N, C, H, W], [N, H, W, C] with C 1 or 3, or [N, D]; y is whole numbers.

    [N, D] becomes [N, D, 1, 1]: each column is a channel, normalised by itself. uint8 stays uint8,
    floating types become float32. Raises VrtuneError for a missing key, other types and shapes,
    NaN or infinity in x, and training labels that are not 0..classes-1. The test arrays are not
    read yet. `class_names` [classes] are texts.
    """
    with opened(path) as archive:
        missing = [key for key in KEYS if key not in archive.names]
        if missing:
            raise VrtuneError(
                f"{safe(path)} lacks {', '.join(missing)}; save it with {', '.join(KEYS)}"
            )
        train = _read(archive, "train")
        found = train.y.unique()
        names, notes = _class_names(archive, len(found))
    if not torch.equal(found, torch.arange(len(found))):
        raise VrtuneError(
            f"y_train of {safe(path)} has {len(found)} different labels from {found[0]} to "
            f"{found[-1]}; number the classes 0, 1, 2 and so on without a gap"
        )
    return Dataset(
        safe(path.stem),
        len(found),
        train,
        lambda: _read_test(path),
        notes=notes,
        class_names=names,
        outline_test=lambda: _outline_test(path),
    )


def _read_test(path: Path) -> Part:
    with opened(path) as archive:
        return _read(archive, "test")


def _outline_test(path: Path) -> Outline:
    """From the header of x_test, and y_test."""
    where = f"x_test of {safe(path)}"
    with opened(path) as archive:
        shape, dtype = archive.header("x_test")
        y = _labels(archive.read("y_test"), f"y_test of {safe(path)}")
    kept, image = _kept_type(dtype, where), _image_shape(shape, where)
    _check_one_label_each(shape[0], y, "test", path)
    check_memory(math.prod(shape) * kept.itemsize, where)
    return Outline(len(y), image, kept, (int(y.min()), int(y.max())))


def _read(archive: Archive, part: str) -> Part:
    """The arrays of one part, and no other."""
    where = safe(archive.path)
    images = _images(archive.read(f"x_{part}"), f"x_{part} of {where}")
    labels = _labels(archive.read(f"y_{part}"), f"y_{part} of {where}")
    _check_one_label_each(len(images), labels, part, archive.path)
    return Part(images, labels)


def _check_one_label_each(samples: int, y: Tensor, part: str, path: Path) -> None:
    if samples != len(y):
        raise VrtuneError(
            f"x_{part} of {safe(path)} holds {samples} samples, but y_{part} {len(y)} labels; "
            "save one label a sample"
        )


def _images(x: np.ndarray, where: str) -> Tensor:
    """x as uint8 or float32 [N, C, H, W]."""
    kept, shape = _kept_type(x.dtype, where), _image_shape(x.shape, where)
    if kept.is_floating_point:
        with np.errstate(over="ignore"):
            x = x.astype(np.float32, copy=False)
        if not np.isfinite(x).all():
            raise VrtuneError(
                f"{where} has values that are NaN or infinite in float32; replace them"
            )
    if x.ndim == 4 and x.shape[1:] != shape:
        x = x.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(x)).view(len(x), *shape)


def _kept_type(dtype: np.dtype, where: str) -> torch.dtype:
    """The type that values of a type become."""
    if np.issubdtype(dtype, np.floating):
        return torch.float32
    if dtype == np.uint8:
        return torch.uint8
    raise VrtuneError(
        f"{where} has values of type {safe(dtype)}; save it as uint8 (0..255) or as float32"
    )


def _image_shape(shape: tuple[int, ...], where: str) -> tuple[int, int, int]:
    """(C, H, W) of the samples of x; a table's columns are channels of one pixel."""
    match shape if 0 not in shape else ():
        case (_, columns):
            return columns, 1, 1
        case (_, height, width):
            return 1, height, width
        case (_, channels, height, width) if channels in CHANNELS:
            return channels, height, width
        case (_, height, width, channels) if channels in CHANNELS:
            return channels, height, width
    raise VrtuneError(
        f"{where} has shape {shape}; save it as [N, H, W], [N, C, H, W] or [N, H, W, C] "
        "with 1 or 3 channels, or as [N, D]"
    )


def _labels(y: np.ndarray, where: str) -> Tensor:
    """y as int64 [N]."""
    if not np.issubdtype(y.dtype, np.integer):
        raise VrtuneError(f"{where} has labels of type {safe(y.dtype)}; save them as whole numbers")
    if y.ndim != 1 and y.shape[1:] != (1,):
        raise VrtuneError(f"{where} has shape {y.shape}; save one label a sample, [N]")
    return torch.from_numpy(y.astype(np.int64).reshape(-1))


def _class_names(archive: Archive, classes: int) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The names, if they are there and can be used; if they can't, a sentence that says so."""
    if "class_names" not in archive.names:
        return None, ()
    shape, dtype = archive.header("class_names")
    if dtype.kind != "U" or shape != (classes,):
        return None, (
            f"class_names of {safe(archive.path)} are passed over, as they have shape {shape} and "
            f"type {safe(dtype)}: save an array of {classes} texts",
        )
    return tuple(safe(name) for name in archive.read("class_names")), ()
