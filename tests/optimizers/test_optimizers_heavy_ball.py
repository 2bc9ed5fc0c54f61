"""What document 004 says of momentum's two forms."""

from __future__ import annotations

import torch
from torch import Tensor

from vrtune import SGD, HeavyBall
from vrtune.testing.units import prepared
from vrtune.units import OptimizerSettings


def path(settings: OptimizerSettings, factors: list[float]) -> Tensor:
    """Where random gradients lead, with step sizes that a schedule scales."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.ones(1, 7, dtype=torch.float64)
    rule, hp = prepared([settings], weights)
    for factor in factors:
        d = torch.randn(1, 7, generator=generator, dtype=torch.float64)
        rule.step(weights, d, factor * hp["lr"], hp)
    return weights


STEADY, FALLING = [1.0] * 30, [1 - i / 30 for i in range(30)]


def test_a_velocity_is_torchs_momentum_while_the_step_size_stays() -> None:
    """They part ways when it changes: one has it inside, one outside."""
    ball, sgd = HeavyBall(lr=0.1, momentum=0.8), SGD(lr=0.1, momentum=0.8)
    torch.testing.assert_close(path(ball, STEADY), path(sgd, STEADY), rtol=1e-12, atol=1e-12)
    assert not torch.allclose(path(ball, FALLING), path(sgd, FALLING), rtol=1e-2)


def test_a_mean_is_a_velocity_with_a_smaller_step() -> None:
    """The document prints mu = eta beta; it is beta, and the step is eta (1 - beta)."""
    mean = HeavyBall(lr=0.5, momentum=0.8, mean=True)
    ball = HeavyBall(lr=0.5 * (1 - 0.8), momentum=0.8)
    torch.testing.assert_close(path(mean, STEADY), path(ball, STEADY), rtol=1e-12, atol=1e-12)
