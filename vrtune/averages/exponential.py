"""Exponential averaging: a mean that forgets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.averages.base import Average
from vrtune.estimators.base import Clock
from vrtune.later import Tensor, torch
from vrtune.units import AverageSettings


class Exponential(AverageSettings):
    """A mean of the weights in which each step counts less than the next.

    mean <- decay mean + (1 - decay) w,   mean = w after the first step

    It spans about 1 / (1 - decay) steps. Batch-norm statistics are averaged likewise.

    Args:
        decay: share of the mean that a step keeps, 0 or more and below 1.

    Example:
        >>> from vrtune import SGD, Exponential, TrialConfig
        >>> TrialConfig(optimizer=SGD(lr=0.1), average=Exponential()).average.decay
        0.999

    References: Tarvainen & Valpola, NeurIPS 2017 (the teacher); Kingma & Ba, ICLR 2015, section
    7.2.
    """

    kind: Literal["exponential"] = "exponential"
    decay: float = Field(default=0.999, ge=0, lt=1, description="share that a step keeps")


class ExponentialAverage(Average):
    """Rate 1 - decay. Twin: torch.optim.swa_utils.AveragedModel, with get_ema_avg_fn."""

    settings = Exponential

    def __init__(self, weights: Tensor) -> None:
        self.state = {"begun": weights.new_zeros(len(weights), 1)}

    def rate(self, hp: dict[str, Tensor], clock: Clock) -> Tensor:
        begun = self.state["begun"]
        rate = torch.where(begun > 0, 1 - hp["decay"], 1.0)
        begun.fill_(1)
        return rate
