"""STORM: recursive momentum that needs no snapshot and sets its own step size."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.estimators.base import BatchGradient, Clock, Estimator
from vrtune.later import Tensor, torch
from vrtune.units import EstimatorSettings


class STORM(EstimatorSettings):
    """Momentum corrected by the gradient one step back: no snapshots, and its own step size.

    d <- g(w_t; B) + (1 - a) (d - g(w_{t-1}; B)),  eta = k / (w + sum ||g||^2)^{1/3}

    Args:
        k: numerator of the step size, above 0.
        w: floor under the sum of squared gradient norms, above 0.
        c: a = min(1, c eta^2), 0 or more; a large one makes plain SGD.

    Example:
        >>> from vrtune import SGD, STORM, TrialConfig
        >>> TrialConfig(estimator=STORM(k=0.5), optimizer=SGD()).optimizer.lr is None
        True

    References: Cutkosky & Orabona, NeurIPS 2019.
    """

    kind: Literal["storm"] = "storm"
    sets_step_size = True
    cost = 2.0
    k: float = Field(default=0.1, gt=0, description="numerator of the step size")
    w: float = Field(default=0.1, gt=0, description="floor under the sum of squared gradient norms")
    c: float = Field(default=100.0, ge=0, description="a = min(1, c eta^2); large: plain SGD")


class STORMEstimator(Estimator):
    """Stochastic recursive momentum.

        G_t     = ||g(w_t; B_t)||                            norm of the lane's whole gradient
        eta_t   = s_t k / (w + sum_{i<=t} G_i^2)^{1/3}       s_t: the schedule's factor
        d_t     = g(w_t; B_t) + (1 - a_t) (d_{t-1} - g(w_{t-1}; B_t)),   d_1 = g(w_1; B_1)
        a_{t+1} = min(1, c eta_t^2)

    `k`, `w` and `c` are the scalars of the settings, w_t the weights; eta goes to the step rule.
    The paper has no schedule. Its a_{t+1} = c eta_t^2 balances the error of d against the move
    w_{t+1} - w_t = -eta_t d_t, so under one eta_t is the step size that is in fact taken, s_t
    included. Two gradient computations a step.

    References: Cutkosky & Orabona, "Momentum-Based Variance Reduction in Non-Convex SGD",
    NeurIPS 2019, Algorithm 1 (arXiv 1905.10018).
    """

    settings = STORM

    def __init__(self, weights: Tensor) -> None:
        scalar = weights.new_zeros(len(weights), 1)
        self.state = {
            "d": torch.zeros_like(weights),
            "previous": torch.zeros_like(weights),
            "sum_G2": scalar,
            "a": scalar.clone(),
        }

    def admit(self, rows: Tensor, weights: Tensor) -> None:
        self.state["previous"][rows] = weights[rows]
        self.state["a"].index_fill_(0, rows, 1.0)  # d_1 = g(w_1; B_1)

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, Tensor]:
        d, previous, sum_G2, a = (self.state[s] for s in ("d", "previous", "sum_G2", "a"))
        g, back = gradient(weights, previous)
        d.sub_(back).mul_(1 - a).add_(g)
        sum_G2.add_(torch.linalg.vecdot(g, g).unsqueeze(1))
        eta = hp["k"] / (hp["w"] + sum_G2).pow(1 / 3)
        a.copy_((hp["c"] * (clock.factor * eta).square()).clamp(max=1.0))
        previous.copy_(weights)
        return d, eta  # the training loop scales it by the schedule
