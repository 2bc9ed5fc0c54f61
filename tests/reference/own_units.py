"""Units that are not vrtune's own, as a user writes them: an estimator, a step rule, a schedule."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from vrtune.estimators import BatchGradient, Clock, Estimator, EstimatorSettings
from vrtune.optimizers import OptimizerSettings, StepRule
from vrtune.schedules import ScheduleSettings


class Averaged(EstimatorSettings):
    """d = the mean of the last two gradients."""

    kind: Literal["averaged"] = "averaged"
    epoch: float = Field(default=0.5, ge=0, le=1, description="a name that the clock has, too")
    mode: Literal["mean", "sum"] = "mean"


class AveragedEstimator(Estimator):
    """d_t = epoch g_t + (1 - epoch) g_{t-1}, or twice as much."""

    settings = Averaged

    def __init__(self, weights: Tensor, mode: str) -> None:
        self.scale = {"mean": 1.0, "sum": 2.0}[mode]
        self.state = {"last": torch.zeros_like(weights)}

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        (g,) = gradient(weights)
        d = hp["epoch"] * g + (1 - hp["epoch"]) * self.state["last"]
        self.state["last"].copy_(g)
        return self.scale * d, None


class Sign(OptimizerSettings):
    """w <- w - eta sign d."""

    kind: Literal["sign"] = "sign"
    floor: float = Field(default=0.0, ge=0, description="smaller coordinates do not move")


class SignRule(StepRule):
    """signSGD (Bernstein et al. 2018)."""

    settings = Sign

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        weights.sub_(eta * d.sign() * (d.abs() > hp["floor"]))


class Line(ScheduleSettings):
    """From 1 to 0 in a line."""

    kind: Literal["line"] = "line"

    def factors(self, t: Tensor, epochs: int) -> Tensor:
        return 1 - t / epochs
