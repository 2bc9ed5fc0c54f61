"""Arrays in one .npz file: x_train, y_train, x_test and y_test."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from vrtune.data.base import Dataset, Part
from vrtune.errors import VrtuneError

KEYS = ("x_train", "y_train", "x_test", "y_test")
CHANNELS = (1, 3)


def load(path: Path) -> Dataset:
    """x is [N, H, W], [N, C, H, W], [N, H, W, C] with C 1 or 3, or [N, D]; y is whole numbers.

    [N, D] becomes [N, 1, 1, D]. uint8 stays uint8, floating types become float32. Raises
    VrtuneError for a missing key, other types and shapes, NaN or infinity in x, and training
    labels that are not 0..classes-1. The test arrays are not read yet.
    """
    train = _read(path, "train")
    found = train.y.unique()
    if not torch.equal(found, torch.arange(len(found))):
        raise VrtuneError(
            f"y_train of {path} has {len(found)} different labels from {found[0]} to {found[-1]}; "
            "number the classes 0, 1, 2 and so on without a gap"
        )
    return Dataset(path.stem, len(found), train, lambda: _read(path, "test"))


def _read(path: Path, part: str) -> Part:
    """The arrays of one part; np.load reads only those that are asked for."""
    try:
        # opened here, as NumPy leaves open what it can't read
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            missing = [key for key in KEYS if key not in arrays]
            if missing:
                raise VrtuneError(
                    f"{path} lacks {', '.join(missing)}; save it with {', '.join(KEYS)}"
                )
            x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
    except (OSError, ValueError, EOFError, TypeError, BadZipFile, zlib.error) as error:
        reason = re.split(r"\. | when allow_pickle", str(error))[0].rstrip(".")  # NumPy's options
        raise VrtuneError(
            f"{path} cannot be read ({reason}); save it with numpy.savez, without Python objects"
        ) from error
    images = _images(x, f"x_{part} of {path}")
    labels = _labels(y, f"y_{part} of {path}")
    if len(images) != len(labels):
        raise VrtuneError(
            f"x_{part} of {path} holds {len(images)} samples, but y_{part} {len(labels)} labels; "
            "save one label a sample"
        )
    return Part(images, labels)


def _images(x: np.ndarray, where: str) -> Tensor:
    """x as uint8 or float32 [N, C, H, W]."""
    if np.issubdtype(x.dtype, np.floating):
        with np.errstate(over="ignore"):
            x = x.astype(np.float32, copy=False)
        if not np.isfinite(x).all():
            raise VrtuneError(
                f"{where} has values that are NaN or infinite in float32; replace them"
            )
    elif x.dtype != np.uint8:
        raise VrtuneError(
            f"{where} has values of type {x.dtype}; save it as uint8 (0..255) or as float32"
        )
    if x.ndim == 2:
        x = x[:, None, None, :]
    elif x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[1] not in CHANNELS and x.shape[3] in CHANNELS:
        x = x.transpose(0, 3, 1, 2)
    if x.ndim != 4 or x.shape[1] not in CHANNELS or x.size == 0:
        raise VrtuneError(
            f"{where} has shape {x.shape}; save it as [N, H, W], [N, C, H, W] or [N, H, W, C] "
            "with 1 or 3 channels, or as [N, D]"
        )
    return torch.from_numpy(np.ascontiguousarray(x))


def _labels(y: np.ndarray, where: str) -> Tensor:
    """y as int64 [N]."""
    if not np.issubdtype(y.dtype, np.integer):
        raise VrtuneError(f"{where} has labels of type {y.dtype}; save them as whole numbers")
    return torch.from_numpy(y.astype(np.int64).reshape(-1))
