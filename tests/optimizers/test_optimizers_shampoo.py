"""Shampoo beside its judge: tensors of any dimensions, and lanes that diverge."""

from __future__ import annotations

import pytest
import pytorch_optimizer
import torch
from reference.shampoo import DenseShampoo
from torch import nn

from vrtune import Shampoo, TrialConfig
from vrtune.lanes.memory import state_rows
from vrtune.optimizers.shampoo import ShampooRule
from vrtune.testing import problem

SHAPES = (torch.Size((3, 2, 2, 2)), torch.Size((3,)), torch.Size((4, 5)), torch.Size(()))


# Both are exact up to rounding, which small eigenvalues amplify by their root.
def test_tensors_of_any_dimensions_step_as_the_judges() -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(s, generator=generator, dtype=torch.float64) for s in SHAPES]
    weights = torch.cat([t.flatten() for t in tensors]).unsqueeze(0)
    s = {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.1, "epsilon": 0.01, "every": 1}
    hp = {name: torch.full((1, 1), value, dtype=torch.float64) for name, value in s.items()}
    rule = ShampooRule(weights)
    rule.shapes = SHAPES
    rule.seat([0], [Shampoo(**s)])
    rule.admit(torch.tensor([0]), hp)
    judged = [nn.Parameter(t.clone()) for t in tensors[:3]]
    judge = pytorch_optimizer.Shampoo(judged, lr=0.1, weight_decay=0.1, matrix_eps=0.01)
    looped = [nn.Parameter(t.clone()) for t in tensors]
    loop = DenseShampoo(looped, **s)
    for _ in range(5):
        gradients = [torch.randn(s, generator=generator, dtype=torch.float64) for s in SHAPES]
        rule.step(weights, torch.cat([g.flatten() for g in gradients]).unsqueeze(0), hp["lr"], hp)
        for params, optimizer in ((judged, judge), (looped, loop)):
            for p, g in zip(params, gradients, strict=False):
                p.grad = g.clone()
            optimizer.step()
        for mine, other in zip(rule.views(weights), looped, strict=True):
            torch.testing.assert_close(mine[0], other.detach(), rtol=1e-9, atol=1e-9)
        for mine, other in zip(rule.views(weights), judged, strict=False):
            torch.testing.assert_close(mine[0], other.detach(), rtol=1e-9, atol=1e-9)


def test_a_lane_that_diverges_leaves_the_others_alone() -> None:
    """eigh refuses what is not finite, in all matrices that it is given."""
    lanes = problem.seat([TrialConfig(optimizer=Shampoo(lr=0.1, every=every)) for every in (1, 2)])
    lanes.train_epoch()
    lanes.rows.W[1, 3] = torch.inf
    lanes.train_epoch()
    assert lanes.rows.W[0].isfinite().all()
    assert not lanes.rows.W[1].isfinite().all()


def test_memory_of_its_matrices_is_told() -> None:
    plain = state_rows(TrialConfig(optimizer=Shampoo(lr=0.1)))
    found = state_rows(TrialConfig(optimizer=Shampoo(lr=0.1)), (torch.Size((120, 400)),))
    assert found - plain == pytest.approx((2 * (120**2 + 400**2) + 3 * 400**2) / 48_000, abs=1)
