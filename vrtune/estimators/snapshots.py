"""What the methods with a snapshot w~ share."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from vrtune.config import EstimatorSettings, Settings
from vrtune.estimators.base import Estimator, WholeGradient


class Periodic(Settings):
    """When snapshots are taken."""

    snapshot_period: int = Field(default=1, ge=1, description="epochs between snapshots")
    start_epoch: int = Field(default=0, ge=0, description="epochs of plain gradients before")


class Snapshots(Estimator):
    """w~ and mu~ of every lane."""

    cost = 2.0
    keeps_snapshot = True

    def __init__(self, weights: Tensor) -> None:
        self.state = {"snapshot": torch.zeros_like(weights), "mu": torch.zeros_like(weights)}

    def snapshot(self, rows: Tensor, weights: Tensor, whole_gradient: WholeGradient) -> None:
        at = weights[rows]
        self.state["snapshot"][rows] = at
        self.state["mu"][rows] = whole_gradient(at, rows)


class PeriodicSnapshots(Snapshots):
    """A snapshot over the whole training part every `snapshot_period` epochs from `start_epoch`."""

    @staticmethod
    def starts(settings: EstimatorSettings) -> int:
        assert isinstance(settings, Periodic)
        return settings.start_epoch

    @staticmethod
    def snapshot_period(settings: EstimatorSettings) -> int:
        assert isinstance(settings, Periodic)
        return settings.snapshot_period

    @staticmethod
    def since_start(hp: dict[str, Tensor]) -> Tensor:
        """Epochs since the start of each lane, [L, 1]; below 0 before it."""
        return hp["epoch"] - hp["start_epoch"]
