"""The mini-batch gradient itself."""

from __future__ import annotations

from typing import Literal

from vrtune.estimators.base import BatchGradient, Clock, Estimator
from vrtune.later import Tensor
from vrtune.units import EstimatorSettings


class Plain(EstimatorSettings):
    """The mini-batch gradient as it is: no variance reduction.

    d = g(w; B)

    Example:
        >>> from vrtune import SGD, Plain, TrialConfig
        >>> TrialConfig(optimizer=SGD(lr=0.1)).estimator == Plain()
        True
    """

    kind: Literal["plain"] = "plain"


class PlainEstimator(Estimator):
    """d_t = g(w_t; B_t), one gradient computation a step."""

    settings = Plain

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        (g,) = gradient(weights)
        return g, None
