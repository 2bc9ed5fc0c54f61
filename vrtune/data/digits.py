"""scikit-learn's digits: small enough to try anything in seconds, and needs no download."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from vrtune.data.base import Dataset, Part

TEST_SAMPLES = 360  # of 1797
SPLIT_SEED = 0  # fixed: the test part is the same for every study


def load(data_dir: Path) -> Dataset:
    """1437 training and 360 test images [1, 16, 16], float32 in 0..1; `data_dir` is not used."""
    names = tuple(map(str, range(10)))
    train = _part(test=False)
    return Dataset("digits", 10, train, lambda: _part(test=True), class_names=names)


def _part(*, test: bool) -> Part:
    """One side of the stratified split, enlarged from 8x8 to 16x16.

    Every weight is a multiple of 1/16, so float32 holds the result exactly on every machine.
    """
    from sklearn.datasets import load_digits  # takes a second
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    sides = train_test_split(
        np.arange(len(digits.target)),
        test_size=TEST_SAMPLES,
        random_state=SPLIT_SEED,
        stratify=digits.target,
    )
    rows = np.sort(sides[test])
    x = torch.from_numpy(digits.images[rows]).float().unsqueeze(1) / 16
    x = functional.interpolate(x, size=(16, 16), mode="bilinear", align_corners=False)
    return Part(x, torch.from_numpy(digits.target[rows]).long())
