"""MARS: a scaled correction by the gradient one step back, clipped, for an adaptive step rule."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from vrtune.estimators.base import BatchGradient, Clock, Estimator
from vrtune.units import EstimatorSettings


class MARS(EstimatorSettings):
    """Corrects by the gradient one step back, scaled and clipped; meant for AdamW.

    c = g_t + gamma beta1 / (1 - beta1) (g_t - g(w_{t-1}; B_t)),  d = c / max(1, ||c||)

    Args:
        gamma: strength of the correction, 0 (none) or more.
        beta1: the step rule's first beta, from 0 to below 1.

    Example:
        >>> from vrtune import MARS, Adam, TrialConfig
        >>> adamw = Adam(lr=3e-3, betas=(0.95, 0.99), decoupled_weight_decay=True)
        >>> TrialConfig(estimator=MARS(gamma=0.05), optimizer=adamw).estimator.cost
        2.0

    References: Yuan et al. 2024.
    """

    kind: Literal["mars"] = "mars"
    cost = 2.0
    gamma: float = Field(default=0.025, ge=0, description="strength of the correction; 0: none")
    beta1: float = Field(default=0.95, ge=0, lt=1, description="the step rule's first decay")


class MARSEstimator(Estimator):
    """Make variance reduction shine, exact.

        c_t = g(w_t; B_t) + gamma beta1 / (1 - beta1) (g(w_t; B_t) - g(w_{t-1}; B_t))
        d_t = c_t / max(1, ||c_t||)        the norm of a lane's whole vector

    Meant for AdamW with betas (0.95, 0.99); beta1 here is the step rule's. In the first step
    w_0 = w_1, so c_1 = g. Two gradient computations a step.

    References: Yuan et al., "MARS: Unleashing the Power of Variance Reduction for Training Large
    Models", 2024 (arXiv 2411.10438), Algorithms 1 and 2.
    """

    settings = MARS

    def __init__(self, weights: Tensor) -> None:
        self.state = {"previous": torch.zeros_like(weights)}

    def admit(self, rows: Tensor, weights: Tensor) -> None:
        self.state["previous"][rows] = weights[rows]

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        g, before = gradient(weights, self.state["previous"])
        self.state["previous"].copy_(weights)
        return clipped(torch.addcmul(g, g - before, scale(hp))), None


class MARSApproximate(EstimatorSettings):
    """MARS at the cost of plain gradients: the last step's gradient is kept, not computed again.

    c = g_t + gamma beta1 / (1 - beta1) (g_t - g_{t-1}),  d = c / max(1, ||c||)

    Args:
        gamma: strength of the correction, 0 (none) or more.
        beta1: the step rule's first beta, from 0 to below 1.

    Example:
        >>> from vrtune import MARSApproximate
        >>> MARSApproximate(gamma=0.05).cost  # gradient computations a step
        1.0

    References: Yuan et al. 2024.
    """

    kind: Literal["mars_approximate"] = "mars_approximate"
    gamma: float = Field(default=0.025, ge=0, description="strength of the correction; 0: none")
    beta1: float = Field(default=0.95, ge=0, lt=1, description="the step rule's first decay")


class MARSApproximateEstimator(Estimator):
    """MARS without the second gradient.

        c_t = g_t + gamma beta1 / (1 - beta1) (g_t - g_{t-1}),   g_t = g(w_t; B_t),  g_0 = g_1
        d_t = c_t / max(1, ||c_t||)

    One gradient computation a step.

    References: Yuan et al. 2024, section 3.2 ("MARS-approx").
    """

    settings = MARSApproximate

    def __init__(self, weights: Tensor) -> None:
        self.state = {
            "previous": torch.zeros_like(weights),
            "started": weights.new_zeros(len(weights), 1),
        }

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        (g,) = gradient(weights)
        change = (g - self.state["previous"]).mul_(self.state["started"])
        self.state["previous"].copy_(g)
        self.state["started"].fill_(1.0)
        return clipped(torch.addcmul(g, change, scale(hp))), None


def scale(hp: dict[str, Tensor]) -> Tensor:
    """gamma beta1 / (1 - beta1), [L, 1]."""
    return hp["gamma"] * hp["beta1"] / (1 - hp["beta1"])


def clipped(c: Tensor) -> Tensor:
    """Each row of c [L, P], scaled to norm 1 if it is longer."""
    return c.div_(torch.linalg.vector_norm(c, dim=1, keepdim=True).clamp(min=1.0))
