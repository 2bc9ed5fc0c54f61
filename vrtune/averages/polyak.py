"""Polyak averaging: the mean of all weights since some time."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.averages.base import Average
from vrtune.estimators.base import Clock
from vrtune.later import Tensor, torch
from vrtune.units import AverageSettings


class Polyak(AverageSettings):
    """The mean of the weights after every step, from a share of the run on.

    mean <- mean + (w - mean) / k,   after the k-th step since the start

    Steps far too large to settle then still come close, as the noise cancels; the start leaves out
    the way from the initial weights. Batch-norm statistics are averaged likewise. Until the start
    a lane is judged by its last weights.

    Args:
        start_share: share of the run's epochs before the mean begins, 0 or more and below 1; the
            last epoch is in it in any case.

    Example:
        >>> from vrtune import SGD, Polyak, TrialConfig
        >>> TrialConfig(optimizer=SGD(lr=0.1), average=Polyak()).average.start_share
        0.5

    References: Ruppert, Cornell technical report 781, 1988; Polyak & Juditsky, SIAM J. Control
    Optim. 1992; Izmailov et al., UAI 2018 (of deep nets, late in a run).
    """

    kind: Literal["polyak"] = "polyak"
    start_share: float = Field(
        default=0.5, ge=0, lt=1, description="share of the run before the mean begins"
    )


class PolyakAverage(Average):
    """Rate 1/k. Twin: torch.optim.swa_utils.AveragedModel, with get_swa_avg_fn."""

    settings = Polyak

    def __init__(self, weights: Tensor) -> None:
        self.state = {"steps": weights.new_zeros(len(weights), 1)}

    def rate(self, hp: dict[str, Tensor], clock: Clock) -> Tensor:
        k = self.state["steps"]
        start = torch.minimum((hp["start_share"] * clock.epochs).round(), clock.epochs - 1)
        k.add_((clock.epoch >= start).to(k.dtype))
        return 1 / k.clamp(min=1)
