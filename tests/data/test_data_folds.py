"""Folds and limits: disjoint, equal, stratified, repeatable."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vrtune.data.folds import hold_out, k_folds, limit_indices
from vrtune.errors import UsageError


def labels(n: int, classes: int = 5, seed: int = 7) -> Tensor:
    """n uneven labels with at least 10 of each class."""
    generator = torch.Generator().manual_seed(seed)
    odds = torch.arange(1, classes + 1, dtype=torch.float)
    rest = odds.multinomial(n - 10 * classes, replacement=True, generator=generator)
    return torch.cat([torch.arange(classes).repeat(10), rest])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [200, 201, 203, 257])
@pytest.mark.parametrize("folds", [2, 3, 4, 10])
def test_folds_are_disjoint_equal_and_nearly_everything(seed: int, n: int, folds: int) -> None:
    y = labels(n)
    splits = k_folds(y, torch.arange(n), folds, seed)
    assert len(splits) == folds
    for split in splits:
        train, validation = set(split.train.tolist()), set(split.validation.tolist())
        assert not train & validation, "a sample in both parts is a leak"
        assert train | validation == set(range(n)), "every sample is in one part of each fold"
        assert len(split.validation) == n // folds
        assert len(split.train) == n - n // folds
        assert split.train.dtype == split.validation.dtype == torch.int64
    held_back = torch.cat([split.validation for split in splits])
    assert len(held_back.unique()) == len(held_back) == n // folds * folds


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("limit", [None, 101, 150])
def test_a_limited_study_never_mixes_its_parts(seed: int, limit: int | None) -> None:
    y = labels(211)
    indices = limit_indices(y, limit, seed)
    allowed = set(indices.tolist())
    for split in k_folds(y, indices, 4, seed):
        train, validation = set(split.train.tolist()), set(split.validation.tolist())
        assert not train & validation
        assert train | validation == allowed


@pytest.mark.parametrize("folds", [3, 4])
def test_folds_are_stratified(folds: int) -> None:
    y = labels(257)
    for split in k_folds(y, torch.arange(len(y)), folds, seed=1):
        expected = y.bincount() / folds
        assert (y[split.validation].bincount() - expected).abs().max() <= 2


def test_folds_depend_on_the_seed_alone() -> None:
    y = labels(203)
    indices = torch.arange(203)
    state = torch.get_rng_state()
    first, again = k_folds(y, indices, 4, seed=3), k_folds(y, indices, 4, seed=3)
    other = k_folds(y, indices, 4, seed=4)
    for a, b, c in zip(first, again, other, strict=True):
        assert torch.equal(a.train, b.train)
        assert torch.equal(a.validation, b.validation)
        assert not torch.equal(a.validation, c.validation)
    assert torch.equal(torch.get_rng_state(), state), "the global generator is left alone"


def test_any_seed_will_do() -> None:
    y = labels(100)
    assert k_folds(y, limit_indices(y, 60, 2**64 + 1), 2, 2**64 + 1)


def test_more_folds_than_the_smallest_class_holds() -> None:
    y = torch.cat([torch.arange(3).repeat(20), torch.full((9,), 3)])
    everything = torch.arange(len(y))
    message = (
        "folds=12 is more than the smallest class holds (9 samples of class 3): use at most 9 folds"
    )
    with pytest.raises(UsageError) as caught:
        k_folds(y, everything, 12, seed=0)
    assert str(caught.value) == message
    with pytest.raises(UsageError) as caught:
        k_folds(y, everything[1:], 12, seed=0)
    assert str(caught.value) == f"{message} or raise the limit"
    assert len(k_folds(y, everything, 9, seed=0)) == 9


def test_class_with_a_single_sample() -> None:
    y = torch.tensor([0, 0, 0, 1, 1, 1, 2])
    with pytest.raises(UsageError, match=r"\(1 samples of class 2\): add samples to it"):
        k_folds(y, torch.arange(7), 2, seed=0)
    with pytest.raises(UsageError, match=r"\(1 samples of class 0\): raise the limit"):
        k_folds(y, torch.tensor([0, 3, 4]), 2, seed=0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limit", [5, 6, 50, 123, 202, 203])
def test_limit_takes_a_stratified_part(limit: int, seed: int) -> None:
    y = labels(203)
    indices = limit_indices(y, limit, seed)
    assert indices.dtype == torch.int64
    assert len(indices.unique()) == len(indices) == limit
    assert torch.equal(indices, indices.sort().values)
    counts = y[indices].bincount(minlength=5)
    assert counts.min() >= 1
    assert (counts - y.bincount() * limit / len(y)).abs().max() <= 2
    assert torch.equal(limit_indices(y, limit, seed), indices)


def test_limit_none_takes_everything() -> None:
    assert torch.equal(limit_indices(labels(203), None, 0), torch.arange(203))


def test_a_larger_limit_adds_to_a_smaller_one() -> None:
    y = labels(203)
    parts = [set(limit_indices(y, limit, 1).tolist()) for limit in (10, 77, 150)]
    assert parts[0] < parts[1] < parts[2]


def test_another_seed_takes_another_part() -> None:
    y = labels(203)
    assert not torch.equal(limit_indices(y, 50, 0), limit_indices(y, 50, 1))


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (204, "limit=204 is more than the training set holds: use at most 203"),
        (4, "limit=4 leaves some of the 5 classes without a sample: use at least 5"),
    ],
)
def test_limit_out_of_range(limit: int, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        limit_indices(labels(203), limit, 0)
    assert str(caught.value) == message


def test_hold_out_takes_its_share_of_every_class() -> None:
    y = torch.arange(200) % 4
    indices = limit_indices(y, 120, 1)
    (split,) = hold_out(y, indices, 0.1, 1)
    assert len(split.validation) == 12
    assert torch.bincount(y[split.validation]).tolist() == [3, 3, 3, 3]
    both = torch.cat([split.train, split.validation]).sort().values
    assert torch.equal(both, indices)
    (again,) = hold_out(y, indices, 0.1, 1)
    (other,) = hold_out(y, indices, 0.1, 2)
    assert torch.equal(again.validation, split.validation)
    assert not torch.equal(other.validation, split.validation)


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_hold_out_leaves_no_class_out(share: float) -> None:
    y = torch.arange(200) % 4
    with pytest.raises(UsageError, match="choose another share"):
        hold_out(y, torch.arange(200), share, 1)


def numbers(n: int) -> Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("n", [200, 203])
@pytest.mark.parametrize("folds", [2, 4, 7])
def test_folds_of_numbers_are_disjoint_equal_and_shuffled(n: int, folds: int) -> None:
    y, everything = numbers(n), torch.arange(n)
    splits = k_folds(y, everything, folds, 1)
    for split in splits:
        assert torch.equal(torch.cat([split.train, split.validation]).sort().values, everything)
        assert len(split.validation) == n // folds
        assert torch.equal(split.validation, split.validation.sort().values)
        assert split.validation.diff().max() > 1, "not the rows as they lie"
    held_back = torch.cat([split.validation for split in splits])
    assert len(held_back.unique()) == len(held_back) == n // folds * folds
    again, other = k_folds(y, everything, folds, 1), k_folds(y, everything, folds, 2)
    assert all(map(torch.equal, *([s.validation for s in several] for several in (splits, again))))
    assert not torch.equal(splits[0].validation, other[0].validation)


def test_limits_and_parts_of_numbers() -> None:
    y = numbers(100)
    small, large = limit_indices(y, 20, 1), limit_indices(y, 60, 1)
    assert (len(small), len(large)) == (20, 60)
    assert {*small.tolist()} < {*large.tolist()}
    assert torch.equal(limit_indices(y, None, 1), torch.arange(100))
    (split,) = hold_out(y, large, 0.25, 1)
    assert len(split.validation) == 15
    assert torch.equal(torch.cat([split.train, split.validation]).sort().values, large)
    (other,) = hold_out(y, large, 0.25, 2)
    assert not torch.equal(other.validation, split.validation)


def test_too_few_numbers() -> None:
    y = numbers(10)
    with pytest.raises(UsageError, match="limit=11 is more than the training set holds"):
        limit_indices(y, 11, 0)
    with pytest.raises(UsageError, match=r"folds=6 of 10 samples .* fewer than 2 .* at most 5"):
        k_folds(y, torch.arange(10), 6, 0)
    assert len(k_folds(y, torch.arange(10), 5, 0)) == 5
    for share in (0.1, 0.9):
        with pytest.raises(UsageError, match=f"holdout={share} of 10 samples leaves a part with"):
            hold_out(y, torch.arange(10), share, 0)


def test_a_class_is_told_by_its_name() -> None:
    y = torch.tensor([0, 0, 0, 1, 1, 1, 2])
    with pytest.raises(UsageError, match=r"\(1 samples of class owl\): add samples to it"):
        k_folds(y, torch.arange(7), 2, 0, ("cat", "dog", "owl"))
