"""What is predicted: labels, numbered in sorted order, or numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from vrtune.config import Task
from vrtune.display.figures import safe
from vrtune.errors import VrtuneError

Wanted = Literal["labels", "numbers"]
OF_LABELS = {"cross-entropy", "accuracy", "balanced-accuracy", "macro-f1", "ece"}
OF_NUMBERS = {"mse", "mae", "huber", "rmse", "r2"}
FEW = 20  # different whole numbers that are taken for classes, though not 0..classes-1


def wanted(task: Task) -> Wanted | None:
    """What a task's loss and metric are of, where they say so."""
    if task.label_smoothing or task.class_weights != "none":
        return "labels"
    for word in (task.loss, task.metric):
        if word in OF_LABELS:
            return "labels"
        if word in OF_NUMBERS:
            return "numbers"
    return None


@dataclass(frozen=True, eq=False)
class Targets:
    """How what a data set gives as targets becomes y: its training part's, and its test part's.

    `labels` are the different ones in sorted order, by which they are numbered; None: numbers.
    """

    labels: np.ndarray | None
    notes: tuple[str, ...] = field(default=())

    @property
    def classes(self) -> int:
        """How many labels there are; 0 of numbers."""
        return 0 if self.labels is None else len(self.labels)

    @property
    def numbered(self) -> bool:
        """Whether the labels are 0..classes-1 as they are given, and so have no names."""
        known = self.labels
        return known is not None and known.dtype.kind in "iu" and _is_numbered(known)

    @property
    def names(self) -> tuple[str, ...] | None:
        """The labels as they were given, in order of their numbers."""
        if self.labels is None or self.numbered:
            return None
        return tuple(safe(label) for label in self.labels.tolist())

    def __call__(self, given: Any, where: str) -> Tensor:
        """y [N], int64 labels or float32 numbers. VrtuneError for what the training part lacks."""
        raw = plain(given, where)
        if self.labels is None:
            return _numbers(raw, where)
        if raw.dtype.kind == "f" and self.labels.dtype.kind in "iu" and _is_whole(raw):
            raw = raw.astype(np.int64)  # as the training part's were taken
        if raw.dtype.kind.replace("u", "i") != self.labels.dtype.kind.replace("u", "i"):
            raise VrtuneError(
                f"{where} has labels of type {safe(raw.dtype)}, the training part such as "
                f"{safe(self.labels[0])!r}; prepare both alike"
            )
        if self.numbered:
            return torch.from_numpy(raw.astype(np.int64))
        at = np.searchsorted(self.labels, raw).clip(max=self.classes - 1)
        unknown = self.labels[at] != raw
        if unknown.any():
            raise VrtuneError(
                f"{where} has the label {safe(raw[unknown][0])!r}, which the training part lacks; "
                "add samples of it there, or take them out"
            )
        return torch.from_numpy(at.astype(np.int64))


def targets_of(given: Any, where: str, wanted: Wanted | None) -> Targets:
    """How the targets of a training part are read.

    Floats are numbers; texts, booleans and whole numbers are labels, but whole numbers of more
    than 20 kinds that are not 0..classes-1 are numbers. `wanted`, which comes of loss or metric,
    decides where both can be.
    """
    raw = plain(given, where)
    if raw.dtype.kind in "Ub":
        return Targets(np.unique(raw))
    _check_finite(raw, where)
    different = np.unique(raw)
    whole, count = _is_whole(different), len(different)
    if raw.dtype.kind == "f":
        labels = wanted == "labels" and whole
        asked = whole and count <= FEW  # so somebody may have meant labels
    else:
        labels = wanted == "labels" or (not wanted and (_is_numbered(different) or count <= FEW))
        asked = count > FEW or not _is_numbered(different)
    taken, loss, other = (
        ("classes", "mse", "numbers") if labels else ("numbers", "cross-entropy", "classes")
    )
    note = (
        f"{where} holds {count} different whole numbers, taken for {taken}: --loss {loss} takes "
        f"them for {other}"
    )
    known = different.astype(np.int64) if labels else None
    return Targets(known, (note,) if asked and not wanted else ())


def plain(given: Any, where: str) -> np.ndarray:
    """Targets as texts, booleans, whole numbers or floats [N]."""
    raw = np.asarray(given)
    if raw.ndim != 1 and raw.shape[1:] != (1,):
        raise VrtuneError(f"{where} has shape {raw.shape}; give one target a sample, [N]")
    raw = raw.reshape(-1)
    if raw.dtype.kind == "O":
        raw = _of_objects(raw, where)
    if raw.dtype.kind in "ST":
        raw = np.array([t.decode(errors="replace") if isinstance(t, bytes) else t for t in raw])
    if raw.dtype.kind not in "Ubiuf":
        raise VrtuneError(
            f"{where} has labels of type {safe(raw.dtype)}; give whole numbers or texts for "
            "classes, or floats for numbers"
        )
    return raw


def class_names(
    given: np.ndarray | None, targets: Targets, where: str
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Names of the classes: those that are given, where they can be used, or else the labels; and
    a sentence where they can't."""
    if given is None:
        return targets.names, ()
    if not targets.classes:
        return None, (f"{where} are passed over, as numbers are predicted",)
    if given.dtype.kind != "U" or given.shape != (targets.classes,):
        return targets.names, (
            f"{where} are passed over, as they have shape {given.shape} and type "
            f"{safe(given.dtype)}: save an array of {targets.classes} texts",
        )
    return tuple(safe(name) for name in given), ()


def _of_objects(raw: np.ndarray, where: str) -> np.ndarray:
    """Python's texts or numbers."""
    missing = sum(1 for value in raw if value is None or value != value)
    if missing:
        raise VrtuneError(f"{where} lacks {missing} of {len(raw)} targets; leave those samples out")
    if all(isinstance(value, str) for value in raw):
        return raw.astype(str)
    kinds = {bool if isinstance(value, bool | np.bool_) else type(value) for value in raw}
    if str in kinds or (bool in kinds and len(kinds) > 1):
        named = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise VrtuneError(f"{where} mixes targets of type {named}; give one type")
    return np.array(raw.tolist())


def _numbers(raw: np.ndarray, where: str) -> Tensor:
    if raw.dtype.kind == "U":
        raise VrtuneError(f"{where} holds texts, the training part numbers; prepare both alike")
    _check_finite(raw, where)
    return torch.from_numpy(raw.astype(np.float32))


def _check_finite(raw: np.ndarray, where: str) -> None:
    with np.errstate(over="ignore"):
        if not np.isfinite(raw.astype(np.float32)).all():
            raise VrtuneError(
                f"{where} has targets that are NaN or infinite in float32; replace them, or leave "
                "those samples out"
            )


def _is_whole(values: np.ndarray) -> bool:
    return values.dtype.kind in "biu" or bool((values == np.floor(values)).all())


def _is_numbered(different: np.ndarray) -> bool:
    """Whether sorted values are 0, 1, 2 and so on."""
    return np.array_equal(different, np.arange(len(different)))
