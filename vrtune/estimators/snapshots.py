"""What the methods with a snapshot w~ share."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from vrtune.estimators.base import Clock, Estimator, WholeGradient
from vrtune.later import Tensor, torch
from vrtune.units import EstimatorSettings


class KeepsSnapshot(EstimatorSettings):
    """A step takes a second gradient, at the snapshot."""

    keeps_snapshot = True
    cost = 2.0


class Periodic(KeepsSnapshot):
    """Snapshots over the whole training part, every so many epochs from a first one on."""

    snapshot_period: int = Field(default=1, ge=1, description="epochs between snapshots")
    start_epoch: int = Field(default=0, ge=0, description="epochs of plain gradients before")
    start_share: float = Field(
        default=0.0, ge=0, le=1, description="share of the run with plain gradients before"
    )

    def over(self, epochs: int) -> Self:
        first = max(self.start_epoch, round(self.start_share * epochs))
        return self.model_copy(update={"start_epoch": first, "start_share": 0.0})

    @property
    def period(self) -> int:
        return self.snapshot_period

    @property
    def start(self) -> int:
        return self.start_epoch


class Snapshots(Estimator):
    """w~ and mu~ of every lane."""

    def __init__(self, weights: Tensor) -> None:
        self.state = {"snapshot": torch.zeros_like(weights), "mu": torch.zeros_like(weights)}

    def snapshot(self, rows: Tensor, weights: Tensor, whole_gradient: WholeGradient) -> None:
        at = weights[rows]
        self.state["snapshot"][rows] = at
        self.state["mu"][rows] = whole_gradient(at, rows)


class PeriodicSnapshots(Snapshots):
    """A snapshot over the whole training part every `snapshot_period` epochs from `start_epoch`."""

    @staticmethod
    def since_start(hp: dict[str, Tensor], clock: Clock) -> Tensor:
        """Epochs since the start of each lane, [L, 1]; below 0 before it.

        Lanes hold `settings.over(epochs)`, where a share of the run is in `start_epoch` already.
        """
        return clock.epoch - hp["start_epoch"]
