"""SVRG: a snapshot's whole gradient corrects every mini-batch gradient."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from vrtune.config import EstimatorSettings
from vrtune.estimators.base import BatchGradient, Estimator, WholeGradient


class SVRG(EstimatorSettings):
    """d = g(w; B) - g(w~; B) + mu~ (Johnson & Zhang, NeurIPS 2013)."""

    kind: Literal["svrg"] = "svrg"
    snapshot_period: int = Field(default=5, ge=1, description="epochs between snapshots")
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


class SVRGEstimator(Snapshots):
    """Stochastic variance reduced gradient.

        mu~ = grad F(w~) over the whole training part,  w~ <- w  every `snapshot_period` epochs
        d_t = g(w_t; B_t) - g(w~; B_t) + mu~
        d_t = g(w_t; B_t)                                  in the first `start_epoch` epochs

    Two gradient computations a step and one pass over the training part a snapshot. The batches
    stay the same from a snapshot to the next, so with batch norm mu~ is the mean of exactly the
    gradients g(w~; B) that are subtracted.

    References: Johnson & Zhang, "Accelerating Stochastic Gradient Descent using Predictive
    Variance Reduction", NeurIPS 2013; the late start: Defazio & Bottou, NeurIPS 2019.
    """

    settings = SVRG

    @staticmethod
    def starts(settings: EstimatorSettings) -> int:
        assert isinstance(settings, SVRG)
        return settings.start_epoch

    @staticmethod
    def snapshot_period(settings: EstimatorSettings) -> int:
        assert isinstance(settings, SVRG)
        return settings.snapshot_period

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        d = gradient(weights)
        correction = gradient(self.state["snapshot"], off_step=True).sub_(self.state["mu"])
        started = hp["epoch"] >= hp["start_epoch"]
        return d.sub_(correction.masked_fill_(~started, 0.0)), None
