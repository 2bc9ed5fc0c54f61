"""The digits: shapes, range, and a split that is fixed, stratified and disjoint."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits

from vrtune.data import digits
from vrtune.data.base import Dataset


@pytest.fixture(scope="module")
def loaded() -> Dataset:
    return digits.load(Path("is-not-used"))


def test_shapes_and_range(loaded: Dataset) -> None:
    test = loaded.read_test()
    assert loaded.name == "digits"
    assert loaded.classes == 10
    assert loaded.class_names == tuple("0123456789")
    loaded.check_test()
    assert loaded.shape == (1, 16, 16)
    assert loaded.train.x.shape == (1437, 1, 16, 16)
    assert test.x.shape == (360, 1, 16, 16)
    for part in (loaded.train, test):
        assert part.x.dtype == torch.float32
        assert part.y.dtype == torch.int64
        assert part.x.min() == 0
        assert part.x.max() == 1


def test_train_and_test_are_disjoint_and_together_everything(loaded: Dataset) -> None:
    train, test = loaded.train.x.flatten(1), loaded.read_test().x.flatten(1)
    everything = torch.cat([train, test])
    assert len(everything) == len(load_digits().target)
    assert len(everything.unique(dim=0)) == len(everything)


def test_split_is_stratified_and_fixed(loaded: Dataset) -> None:
    test = loaded.read_test()
    expected = loaded.train.y.bincount() * len(test.y) / len(loaded.train.y)
    assert (test.y.bincount() - expected).abs().max() <= 1
    assert digits.load(Path()).fingerprint == loaded.fingerprint


def test_enlarging_rounds_nothing(loaded: Dataset) -> None:
    """Pixels are multiples of 1/16 and weights too, so the fingerprint is the same everywhere."""
    sixteenths = loaded.train.x * 256
    assert torch.equal(sixteenths, sixteenths.round())
