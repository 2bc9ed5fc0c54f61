"""The mini-batch gradient itself."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from vrtune.config import EstimatorSettings
from vrtune.estimators.base import BatchGradient, Clock, Estimator


class Plain(EstimatorSettings):
    """d = g(w; B)."""

    kind: Literal["plain"] = "plain"


class PlainEstimator(Estimator):
    """d_t = g(w_t; B_t), one gradient computation a step."""

    settings = Plain

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        (g,) = gradient(weights)
        return g, None
