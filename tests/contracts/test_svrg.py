"""What SVRG promises: no error at the snapshot, no bias anywhere."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from reference.gradients import gradient_at, whole_gradient_at
from torch import Tensor, nn

from vrtune import SGD, SVRG, TrialConfig
from vrtune.lanes import Lanes
from vrtune.testing import problem
from vrtune.testing.spy import watch

STILL = 1e-100  # a step size that leaves the weights where they are, bit for bit
PERIOD = 3

ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


def still_lanes(norm: str, fused: bool) -> Lanes:
    """Two lanes that compute everything and do not move."""
    config = TrialConfig(estimator=SVRG(snapshot_period=PERIOD), optimizer=SGD(lr=STILL))
    return problem.seat([config, config], norm, fused=fused)


def flat(vector: list[Tensor]) -> Tensor:
    return torch.cat([v.flatten() for v in vector])


def as_vector(module: nn.Module, row: Tensor) -> list[Tensor]:
    """A row of W as one tensor a parameter."""
    parts = row.split([p.numel() for p in module.parameters()])
    return [part.view_as(p) for part, p in zip(parts, module.parameters(), strict=True)]


@ways
def test_estimate_at_the_snapshot_is_the_whole_gradient(fused: bool) -> None:
    """For every batch of every epoch until the next snapshot; computed here in one piece."""
    lanes = still_lanes("none", fused)
    seen = watch(lanes)
    for _ in range(PERIOD):
        lanes.train_epoch()
    for row in range(2):
        module = problem.module_in(lanes, row)
        parts = problem.batches(lanes.seats[row].stream, 0, 0)
        x, y = torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])
        whole = flat(torch.autograd.grad(F.cross_entropy(module(x), y), [*module.parameters()]))
        assert len(seen) == PERIOD * len(parts)
        for step in seen:
            torch.testing.assert_close(step.d[row], whole, rtol=1e-12, atol=1e-14)


@ways
def test_estimate_at_the_snapshot_is_exact_with_batch_norm(fused: bool) -> None:
    """The whole gradient is then the mean of the batches' gradients, not that of all samples."""
    lanes = still_lanes("batch", fused)
    seen = watch(lanes)
    for _ in range(PERIOD):
        lanes.train_epoch()
    for row in range(2):
        module = problem.module_in(lanes, row)
        at = as_vector(module, seen[0].weights[row])
        parts = problem.batches(lanes.seats[row].stream, 0, 0)
        whole = flat(whole_gradient_at(module, at, parts))
        spread = max((flat(gradient_at(module, at, b)) - whole).norm() for b in parts)
        assert spread > 0.1, "or there is no variance to reduce"
        for step in seen:
            torch.testing.assert_close(step.d[row], whole, rtol=1e-12, atol=1e-14)


@ways
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_estimate_is_unbiased_far_from_the_snapshot(norm: str, fused: bool) -> None:
    """The mean over an epoch's batches, each by its size, is the whole gradient.

    With batch norm that needs the batches of the snapshot pass: others would leave a bias.
    """
    lanes = still_lanes(norm, fused)
    lanes.train_epoch()
    generator = torch.Generator().manual_seed(1)
    moved = torch.randn(lanes.rows.W.shape, generator=generator, dtype=torch.float64)
    lanes.rows.W += moved / 3
    seen = watch(lanes)
    lanes.train_epoch()
    for row in range(2):
        module = problem.module_in(lanes, row)
        at = as_vector(module, lanes.rows.W[row])
        parts = problem.batches(lanes.seats[row].stream, 1, 0)
        whole = flat(whole_gradient_at(module, at, parts))
        sizes = torch.tensor([[len(y)] for _, y in parts]).double()
        d = torch.stack([step.d[row] for step in seen])
        torch.testing.assert_close((sizes * d).sum(0) / sizes.sum(), whole, rtol=1e-10, atol=1e-12)
        assert (d - whole).norm(dim=1).min() > 1e-3, "away from the snapshot batches differ"


def test_snapshot_is_taken_when_due() -> None:
    """Lanes with periods 1, 2 and 3 beside each other, over four epochs."""
    configs = [
        TrialConfig(estimator=SVRG(snapshot_period=period), optimizer=SGD(lr=0.1))
        for period in (1, 2, 3)
    ]
    lanes = problem.seat(configs)
    taken = []
    for _ in range(4):
        before = lanes.rows.W.clone()
        lanes.train_epoch()
        same = (lanes.rows.estimator.state["snapshot"] == before).all(1)
        taken.append(same.tolist())
    assert taken == [
        [True, True, True],
        [True, False, False],
        [True, True, False],
        [True, False, True],
    ]
