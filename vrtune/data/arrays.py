"""x of arrays, as images or as columns of a table."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vrtune.display.figures import safe
from vrtune.errors import VrtuneError

KEYS = ("x_train", "y_train", "x_test", "y_test")
CHANNELS = (1, 3)


def inputs(x: np.ndarray, where: str) -> Tensor:
    """x as uint8 or float32 [N, C, H, W]; a table [N, D] becomes [N, D, 1, 1].

    VrtuneError for other types and shapes, and for NaN or infinity.
    """
    dtype, shape = kept(x.dtype, x.ndim, where), sample_shape(x.shape, where)
    if dtype.is_floating_point:
        with np.errstate(over="ignore"):
            x = x.astype(np.float32, copy=False)
        if not np.isfinite(x).all():
            raise VrtuneError(
                f"{where} has values that are NaN or infinite in float32; replace them"
            )
    if x.ndim == 4 and x.shape[1:] != shape:
        x = x.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.require(x, requirements=["C", "W"])).view(len(x), *shape)


def kept(dtype: np.dtype, ndim: int, where: str) -> torch.dtype:
    """The type that values of a type become; whole numbers of a table are numbers as others."""
    if np.issubdtype(dtype, np.floating):
        return torch.float32
    if dtype == np.uint8:
        return torch.uint8
    if ndim == 2 and dtype.kind in "biu":
        return torch.float32
    raise VrtuneError(
        f"{where} has values of type {safe(dtype)}; give them as uint8 (0..255) or as float32"
    )


def sample_shape(shape: tuple[int, ...], where: str) -> tuple[int, int, int]:
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
        f"{where} has shape {shape}; give it as [N, H, W], [N, C, H, W] or [N, H, W, C] "
        "with 1 or 3 channels, or as [N, D]"
    )


def check_one_target_each(samples: int, targets: int, part: str, where: str) -> None:
    """VrtuneError unless x and y of a part are equally long."""
    if samples != targets:
        raise VrtuneError(
            f"x_{part} of {where} holds {samples} samples, but y_{part} {targets} labels; "
            "give one label a sample"
        )
