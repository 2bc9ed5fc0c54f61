"""What every data set offers: its training part, and a way to read its test part later."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from vrtune.errors import VrtuneError
from vrtune.later import Tensor, torch

TABLES = (".csv", ".tsv", ".parquet", ".pq")  # endings of files that hold one


@dataclass(frozen=True, eq=False)
class Part:
    """Images and labels or numbers, on the CPU.

    `x` is [N, C, H, W], either uint8 (0..255, to be scaled by 1/255) or float32 (used as it is);
    `y` is int64 [N] with labels 0..classes-1, or float32 [N]. A table of N rows is
    [N, columns, 1, 1].
    """

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Outline:
    """What can be said of a part whose values are not read: what its headers and labels tell."""

    samples: int
    shape: tuple[int, ...]  # (C, H, W)
    dtype: torch.dtype
    labels: tuple[int, int] | None  # the lowest and the highest; None: numbers, or not known yet

    @classmethod
    def of(cls, part: Part) -> Outline:
        """That of a part which is there."""
        return cls(len(part.y), tuple(part.x.shape[1:]), part.x.dtype, cls.ends(part.y))

    @staticmethod
    def ends(y: Tensor) -> tuple[int, int] | None:
        """The lowest and the highest of labels; None of numbers."""
        return (int(y.min()), int(y.max())) if len(y) and not y.is_floating_point() else None


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training part in memory, and `read_test`, which reads the test part only when called.

    `classes` comes from the training labels alone; 0 of numbers. `class_names` are theirs, in order
    of the labels, if they are known, and `columns` those of a table's x; `notes` are sentences for
    the user, of files that are passed over and the like. `outline_test` is what `check_test` looks
    at. Raises VrtuneError for fewer than two classes, or for one number alone; `read_test` raises
    it where the test part does not fit the training part.
    """

    name: str
    classes: int
    train: Part
    read_test: Callable[[], Part]
    notes: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    outline_test: Callable[[], Outline] | None = None
    columns: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        y = self.train.y
        if y.is_floating_point() and len(y) and bool((y == y[0]).all()):
            raise VrtuneError(
                f"the training part of {self.name} holds one number alone to predict, {y[0]:g}, "
                "and there is nothing to learn: add samples of others"
            )
        if not y.is_floating_point() and self.classes < 2:
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

    @property
    def outputs(self) -> int:
        """What a model gives a sample: a number for each class, or one."""
        return self.classes or 1

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
        folders, headers and labels: no image is decoded, and no value read but those of a table."""
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
        low, high = test.labels or (0, 0)
        if self.classes and (low < 0 or high >= self.classes):
            raise VrtuneError(
                f"the test part of {self.name} has labels {low} to {high}, its training part "
                f"0 to {self.classes - 1}: prepare both alike"
            )


def _read_fitting(read: Callable[[], Part], check: Callable[[Outline], None]) -> Part:
    test = read()
    check(Outline.of(test))
    return test
