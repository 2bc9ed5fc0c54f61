"""What every data set offers: its training part, and a way to read its test part later."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from torch import Tensor

from vrtune.errors import VrtuneError


@dataclass(frozen=True, eq=False)
class Part:
    """Images and labels, on the CPU.

    `x` is [N, C, H, W], either uint8 (0..255, to be scaled by 1/255) or float32 (used as it is);
    `y` is int64 [N] with labels 0..classes-1.
    """

    x: Tensor
    y: Tensor


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training part in memory, and `read_test`, which reads the test part only when called.

    `classes` comes from the training labels alone. Raises VrtuneError for fewer than two classes;
    `read_test` raises it where the test part does not fit the training part.
    """

    name: str
    classes: int
    train: Part
    read_test: Callable[[], Part]

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise VrtuneError(
                f"the training part of {self.name} holds {self.classes} class, "
                "and there is nothing to learn below two: add another class"
            )
        checked = partial(_read_fitting, self.read_test, self.name, self.classes, self.train.x)
        object.__setattr__(self, "read_test", checked)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        c, h, w = self.train.x.shape[1:]
        return c, h, w

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of the training part's SHA-256: the same data, the same digits."""
        digest = hashlib.sha256()
        for tensor in (self.train.x, self.train.y):
            digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.contiguous().numpy().data)
        return digest.hexdigest()[:16]


def _read_fitting(read: Callable[[], Part], name: str, classes: int, train_x: Tensor) -> Part:
    """Reads the test part; raises VrtuneError unless shape, dtype and labels fit the training."""
    test = read()
    for what, given, wanted in (
        ("images of shape", tuple(test.x.shape[1:]), tuple(train_x.shape[1:])),
        ("values of type", test.x.dtype, train_x.dtype),
    ):
        if given != wanted:
            raise VrtuneError(
                f"the test part of {name} has {what} {given}, its training part {wanted}: "
                "prepare both alike"
            )
    low, high = int(test.y.min()), int(test.y.max())
    if low < 0 or high >= classes:
        raise VrtuneError(
            f"the test part of {name} has labels {low} to {high}, its training part "
            f"0 to {classes - 1}: prepare both alike"
        )
    return test
