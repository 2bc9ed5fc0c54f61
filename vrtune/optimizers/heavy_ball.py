"""Momentum in its two forms: a velocity, and a mean of gradients."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings


class HeavyBall(OptimizerSettings):
    """Polyak's heavy ball: a velocity that gradients change, or a mean of gradients.

    v <- momentum v - eta d,  w <- w + v;  mean: m <- momentum m + (1 - momentum) d,  w <- w - eta m

    A mean with eta is a velocity with eta (1 - momentum). torch.optim.SGD keeps eta out of v, which
    differs while a schedule changes it.

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        momentum: share of v or m that is kept, from 0 to below 1.
        mean: the second form.

    Example:
        >>> from vrtune import HeavyBall
        >>> HeavyBall(lr=0.1, mean=True)
        HeavyBall(lr=0.1, kind='heavy_ball', momentum=0.9, mean=True)
    """

    kind: Literal["heavy_ball"] = "heavy_ball"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    mean: bool = False


class HeavyBallRule(StepRule):
    """Momentum.

        v <- momentum v - eta d,                w <- w + v
        m <- momentum m + (1 - momentum) d,     w <- w - eta m   (mean)

    References: Polyak, USSR Computational Mathematics and Mathematical Physics 1964.
    """

    settings = HeavyBall

    def __init__(self, weights: Tensor) -> None:
        self.state = {"velocity": torch.zeros_like(weights)}

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        v, mu, mean = self.state["velocity"], hp["momentum"], hp["mean"] > 0
        v.mul_(mu).addcmul_(d, torch.where(mean, 1 - mu, -eta))
        weights.addcmul_(v, torch.where(mean, -eta, 1.0))
