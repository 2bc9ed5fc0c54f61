"""Map-style data sets, as PyTorch's: every sample is asked for once, and kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vrtune.errors import UsageError, VrtuneError
from vrtune.machine import check_memory

ASKED_TWICE = (
    16  # samples: a transform that flips every other time leaves some of them as they were
)
Running = Callable[[], AbstractContextManager[None]]  # inside it, a user's code may raise


def are_samples(given: Any) -> bool:
    """Whether samples can be asked for by number."""
    known = isinstance(given, np.ndarray | Tensor | list | tuple | dict | str)
    return not known and hasattr(given, "__getitem__") and hasattr(given, "__len__")


def first_of(given: Any, where: str, running: Running) -> tuple[int, np.ndarray]:
    """How many samples there are, and x of the first."""
    with running():
        count = len(given)
    if not count:
        raise VrtuneError(f"{where} holds no samples; add some")
    return count, next(_samples(given, 1, where, running))[0]


def read(given: Any, where: str, running: Running) -> tuple[np.ndarray, np.ndarray]:
    """x [N, ...] and targets [N]. Raises UsageError for a sample that is no pair or not like the
    first one, and where samples are other ones when they are asked for again."""
    count, first = first_of(given, where, running)
    few = [[*_samples(given, min(count, ASKED_TWICE), where, running)] for _ in range(2)]
    for i, ((x, y), (again, y_again)) in enumerate(zip(*few, strict=True)):
        if not np.array_equal(x, again) or str(y) != str(y_again):
            raise UsageError(
                f"{where} gives another sample {i} when it is asked again: leave random transforms "
                "out (--augment crop-flip draws views)"
            )
    check_memory(count * first.nbytes, f"{where}, {count} samples of shape {first.shape},")
    x, targets = np.empty((count, *first.shape), first.dtype), []
    for i, (sample, target) in enumerate(_samples(given, count, where, running)):
        if (sample.shape, sample.dtype) != (first.shape, first.dtype):
            raise UsageError(
                f"{where} gives sample {i} with shape {sample.shape} and type {sample.dtype}, "
                f"sample 0 with {first.shape} and {first.dtype}: bring all to one form"
            )
        x[i] = sample
        targets.append(target)
    return x, np.asarray(targets)


def array(given: Any, where: str) -> np.ndarray:
    """What a user has in an array, a tensor, an image or a list, as an array."""
    if isinstance(given, Tensor):
        if given.is_meta or given.layout is not torch.strided:
            raise UsageError(f"{where} is a sparse or a meta tensor: give a plain one")
        whole = given.detach().cpu()
        return (whole.float() if whole.is_floating_point() else whole).numpy()
    if isinstance(given, Image.Image):
        plain = given.mode in ("L", "F") or given.mode.startswith("I")
        return np.asarray(given if plain else given.convert("RGB"))
    if are_samples(given) and not (hasattr(given, "__array__") or isinstance(given, Sequence)):
        kind = type(given).__name__  # which NumPy would ask for samples without end
        raise UsageError(f"{where} is a {kind}: give an array, a tensor or a list")
    if isinstance(given, list | tuple) and given and isinstance(given[0], Tensor | Image.Image):
        given = [array(one, where) for one in given]
    try:
        return np.asarray(given)
    except ValueError as error:  # of lists of different lengths
        raise UsageError(f"{where} is no array: give all its samples one shape") from error


def _samples(
    given: Any, count: int, where: str, running: Running
) -> Iterator[tuple[np.ndarray, Any]]:
    """x and target of the first samples."""
    for i in range(count):
        with running():
            sample = given[i]
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            kind = type(sample).__name__
            raise UsageError(f"{where} gives a {kind} as sample {i}: give a pair (x, y)")
        target = sample[1] if isinstance(sample[1], str) else array(sample[1], where)
        yield array(sample[0], where), target if isinstance(target, str) else target.tolist()
