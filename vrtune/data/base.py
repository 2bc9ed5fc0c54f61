"""What every data set offers: its training part, and a way to read its test part later."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from vrtune.errors import VrtuneError
from vrtune.later import Tensor, torch


@dataclass(frozen=True, eq=False)
class Part:
    """Images and labels, on the CPU.

    `x` is [N, C, H, W], either uint8 (0..255, to be scaled by 1/255) or float32 (used as it is);
    `y` is int64 [N] with labels 0..classes-1. A table of N rows is [N, columns, 1, 1].
    """

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Outline:
    """What can be said of a part whose values are not read: what its headers and labels tell."""

    samples: int
    shape: tuple[int, ...]  # (C, H, W)
    dtype: torch.dtype
    labels: tuple[int, int]  # the lowest and the highest

    @classmethod
    def of(cls, part: Part) -> Outline:
        """That of a part which is there."""
        y = part.y
        ends = (int(y.min()), int(y.max())) if len(y) else (0, 0)
        return cls(len(y), tuple(part.x.shape[1:]), part.x.dtype, ends)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training part in memory, and `read_test`, which reads the test part only when called.

    `classes` comes from the training labels alone. `class_names` are theirs, in order of the
    labels, if they are known; `notes` are sentences for the user, of files that are passed over
    and the like. `outline_test` is what `check_test` looks at. Raises VrtuneError for fewer than
    two classes; `read_test` raises it where the test part does not fit the training part.
    """

    name: str
    classes: int
    train: Part
    read_test: Callable[[], Part]
    notes: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    outline_test: Callable[[], Outline] | None = None

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise VrtuneError(
                f"the training part of {self.name} holds {self.classes} class, "
                "and there is nothing to learn below two: add another class"
            )
        checked = partial(_read_fitting, self.read_test, self._check)
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

    def check_test(self) -> None:
        """VrtuneError if the test part can't fit the training part, as far as can be told from
        folders, headers and labels: no image is decoded, and no value read."""
        if self.outline_test is not None:
            self._check(self.outline_test())

    def _check(self, test: Outline) -> None:
        """VrtuneError unless shape, dtype and labels fit the training."""
        if not test.samples:
            raise VrtuneError(f"the test part of {self.name} holds no samples: add some")
        for what, given, wanted in (
            ("images of shape", test.shape, tuple(self.train.x.shape[1:])),
            ("values of type", test.dtype, self.train.x.dtype),
        ):
            if given != wanted:
                raise VrtuneError(
                    f"the test part of {self.name} has {what} {given}, its training part {wanted}: "
                    "prepare both alike"
                )
        low, high = test.labels
        if low < 0 or high >= self.classes:
            raise VrtuneError(
                f"the test part of {self.name} has labels {low} to {high}, its training part "
                f"0 to {self.classes - 1}: prepare both alike"
            )


def _read_fitting(read: Callable[[], Part], check: Callable[[Outline], None]) -> Part:
    test = read()
    check(Outline.of(test))
    return test
