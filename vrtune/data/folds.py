"""Which training samples a study uses, and which of them each fold holds back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vrtune.errors import UsageError

FEWEST = 2  # numbers that a part is judged on: one alone has no spread


@dataclass(frozen=True, eq=False)
class Split:
    """One fold: int64 indices into the training set, sorted, with no index in both parts."""

    train: Tensor
    validation: Tensor


def limit_indices(y: Tensor, limit: int | None, seed: int) -> Tensor:
    """`limit` sorted indices into `y` [N] with every class in its proportion; None means all.

    Of numbers, any that the seed draws. A larger limit adds samples to those of a smaller one.
    Raises UsageError where `limit` is more than N or less than one sample a class.
    """
    labels = _labels(y)
    if limit is None:
        return torch.arange(len(labels))
    classes, counts = np.unique(labels, return_counts=True)
    if limit > len(labels):
        raise UsageError(
            f"limit={limit} is more than the training set holds: use at most {len(labels)}"
        )
    if limit < len(classes):
        raise UsageError(
            f"limit={limit} leaves some of the {len(classes)} classes without a sample: "
            f"use at least {len(classes)}"
        )
    order = np.random.default_rng(seed).permutation(len(labels))
    share = np.empty(len(labels))  # of its class that precedes each sample in `order`
    for label, count in zip(classes, counts, strict=True):
        share[labels[order] == label] = np.arange(count) / count
    first = np.argsort(share, kind="stable")[:limit]
    return torch.from_numpy(np.sort(order[first]))


def hold_out(y: Tensor, indices: Tensor, share: float, seed: int) -> list[Split]:
    """One split that validates on a share of every class of the samples `indices` of `y` [N].

    Of numbers, on any that the seed draws. Raises UsageError where that would leave a class without
    a sample in one of the parts, or fewer than two numbers.
    """
    if y.is_floating_point():
        size = round(share * len(indices))
        if min(size, len(indices) - size) < FEWEST:
            raise UsageError(
                f"holdout={share} of {len(indices)} samples leaves a part with fewer than "
                f"{FEWEST}: choose another share, or use more samples"
            )
        return [_split(indices, _shuffled(len(indices), seed)[:size])]
    labels = _labels(y[indices])
    size = round(share * len(labels))
    classes = len(np.unique(labels))
    if (
        min(size, len(labels) - size) < classes
        or np.unique(labels, return_counts=True)[1].min() < 2
    ):
        raise UsageError(
            f"holdout={share} of {len(labels)} samples leaves a part without some of the "
            f"{classes} classes: choose another share, or use more samples"
        )
    from sklearn.model_selection import StratifiedShuffleSplit  # takes a second

    splitter = StratifiedShuffleSplit(1, test_size=size, random_state=seed % 2**32)
    _, validation = next(iter(splitter.split(np.zeros(len(labels)), labels)))
    return [_split(indices, validation)]


def k_folds(
    y: Tensor, indices: Tensor, folds: int, seed: int, names: Sequence[str] | None = None
) -> list[Split]:
    """Stratified folds of the samples `indices` of `y` [N], all exactly equal in size.

    Where `folds` does not divide the number of samples, a fold that would validate on one sample
    more than the smallest fold trains on that sample instead. Folds of numbers are any that the
    seed draws. Raises UsageError where a class, whose name may be known, has fewer samples than
    there are folds, or a fold fewer than two numbers.
    """
    if y.is_floating_point():
        held_back = np.array_split(_shuffled(len(indices), seed), folds)
        if len(held_back[-1]) < FEWEST:
            raise UsageError(
                f"folds={folds} of {len(indices)} samples leaves a fold with fewer than {FEWEST} "
                f"to validate on: use at most {max(2, len(indices) // FEWEST)} folds, or more "
                "samples"
            )
        size = len(held_back[-1])
        return [_split(indices, rows[:size]) for rows in held_back]
    labels = _labels(y[indices])
    classes, counts = np.unique(labels, return_counts=True)
    fewest = int(counts.min())
    if folds > fewest:
        smallest = int(classes[counts.argmin()])
        mend = [f"use at most {fewest} folds"] if fewest > 1 else []
        mend += ["raise the limit"] if len(indices) < len(y) else []
        raise UsageError(
            f"folds={folds} is more than the smallest class holds "
            f"({fewest} samples of class {names[smallest] if names else smallest}): "
            f"{' or '.join(mend) or 'add samples to it'}"
        )
    from sklearn.model_selection import StratifiedKFold  # takes a second

    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
    held_back = [rows for _, rows in splitter.split(np.zeros(len(labels)), labels)]
    size = min(len(rows) for rows in held_back)
    return [_split(indices, rows[:size]) for rows in held_back]


def _labels(y: Tensor) -> np.ndarray:
    """What samples are drawn in proportion to: labels; of numbers, all the same."""
    return np.zeros(len(y), np.int64) if y.is_floating_point() else y.numpy()


def _shuffled(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(n)


def _split(indices: Tensor, rows: np.ndarray) -> Split:
    """The fold that validates on some rows of `indices`."""
    validates = torch.zeros(len(indices), dtype=torch.bool)
    validates[torch.from_numpy(rows)] = True
    return Split(indices[~validates].sort().values, indices[validates].sort().values)
