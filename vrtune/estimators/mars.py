"""MARS: a scaled correction by the gradient one step back, clipped, for an adaptive step rule."""

from __future__ import annotations

from math import prod
from typing import Literal

from pydantic import Field

from vrtune.estimators.base import BatchGradient, Clock, Estimator
from vrtune.later import Tensor, torch
from vrtune.units import EstimatorSettings


class Corrected(EstimatorSettings):
    """What both forms of MARS are told."""

    gamma: float = Field(default=0.025, ge=0, description="strength of the correction; 0: none")
    beta1: float = Field(default=0.95, ge=0, lt=1, description="the step rule's first decay")
    clip: Literal["tensor", "model"] = Field(
        default="tensor", description="to norm 1: every weight tensor, or all of them as one vector"
    )
    one_dimensional: Literal["plain", "corrected"] = Field(
        default="plain", description="gradients of biases and norm layers: plain, or as the others"
    )


class MARS(Corrected):
    """Corrects by the gradient one step back, scaled and clipped; meant for AdamW.

    c = g_t + gamma beta1 / (1 - beta1) (g_t - g(w_{t-1}; B_t)),  d = c / max(1, ||c||)

    Args:
        gamma: strength of the correction, 0 (none) or more.
        beta1: the step rule's first beta, from 0 to below 1.
        clip: the norm is that of every tensor (the authors' code), or of the model (the paper).
        one_dimensional: biases and norm layers get plain gradients (the authors), or corrected.

    Example:
        >>> from vrtune import MARS, Adam, TrialConfig
        >>> adamw = Adam(lr=3e-3, betas=(0.95, 0.99), decoupled_weight_decay=True)
        >>> TrialConfig(estimator=MARS(gamma=0.05), optimizer=adamw).estimator.cost
        2.0

    References: Yuan et al. 2024.
    """

    kind: Literal["mars"] = "mars"
    cost = 2.0


class MARSApproximate(Corrected):
    """MARS at the cost of plain gradients: the last step's gradient is kept, not computed again.

    c = g_t + gamma beta1 / (1 - beta1) (g_t - g_{t-1}),  d = c / max(1, ||c||)

    Args:
        gamma: strength of the correction, 0 (none) or more.
        beta1: the step rule's first beta, from 0 to below 1.
        clip: the norm is that of every tensor (the authors' code), or of the model (the paper).
        one_dimensional: biases and norm layers get plain gradients (the authors), or corrected.

    Example:
        >>> from vrtune import MARSApproximate
        >>> MARSApproximate(gamma=0.05).cost  # gradient computations a step
        1.0

    References: Yuan et al. 2024.
    """

    kind: Literal["mars_approximate"] = "mars_approximate"


class CorrectedEstimator(Estimator):
    """The correction and its clipping.

        c = g + gamma beta1 / (1 - beta1) change
        d = c / max(1, ||c||)    the norm of a tensor (clip = tensor), or of a lane's whole vector
        d = g                    in tensors of one dimension (one_dimensional = plain)

    The authors' code also gives tensors of one dimension another rate (lr_1d), betas (0.9, 0.95)
    and weight decay (0.1); here one step rule moves all tensors. It leaves out whatever is no
    matrix, convolutions as well; here those are corrected, as the paper corrects everything.
    """

    def __init__(self, weights: Tensor, clip: str, one_dimensional: str) -> None:
        self.clip, self.one_dimensional = clip, one_dimensional
        self.state = {"previous": torch.zeros_like(weights)}

    def direction(self, g: Tensor, change: Tensor, hp: dict[str, Tensor]) -> Tensor:
        """d [L, P] of a gradient and its change."""
        c = torch.addcmul(g, change, hp["gamma"] * hp["beta1"] / (1 - hp["beta1"]))
        shapes = self.shapes or [torch.Size((1, c.shape[1]))]  # of unknown tensors: as one matrix
        sizes = [prod(shape) for shape in shapes]
        corrected = []
        for shape, ci, gi in zip(shapes, c.split(sizes, 1), g.split(sizes, 1), strict=True):
            if len(shape) > 1 or self.one_dimensional == "corrected":
                corrected.append(ci)
            else:
                ci.copy_(gi)
        if not corrected:
            return c
        norms = torch.stack([torch.linalg.vector_norm(ci, dim=1) for ci in corrected], 1)
        if self.clip == "model":
            norms = torch.linalg.vector_norm(norms, dim=1, keepdim=True).expand_as(norms)
        for ci, norm in zip(corrected, norms.clamp(min=1.0).split(1, 1), strict=True):
            ci.div_(norm)
        return c


class MARSEstimator(CorrectedEstimator):
    """Make variance reduction shine, exact.

        c_t = g(w_t; B_t) + gamma beta1 / (1 - beta1) (g(w_t; B_t) - g(w_{t-1}; B_t))
        d_t = c_t / max(1, ||c_t||)        for each tensor, as CorrectedEstimator says

    Meant for AdamW with betas (0.95, 0.99); beta1 here is the step rule's. In the first step
    w_0 = w_1, so c_1 = g. Two gradient computations a step.

    References: Yuan et al., "MARS: Unleashing the Power of Variance Reduction for Training Large
    Models", 2024 (arXiv 2411.10438), Algorithms 1 and 2; github.com/AGI-Arena/MARS.
    """

    settings = MARS

    def admit(self, rows: Tensor, weights: Tensor) -> None:
        self.state["previous"][rows] = weights[rows]

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        g, before = gradient(weights, self.state["previous"])
        self.state["previous"].copy_(weights)
        return self.direction(g, g - before, hp), None


class MARSApproximateEstimator(CorrectedEstimator):
    """MARS without the second gradient.

        c_t = g_t + gamma beta1 / (1 - beta1) (g_t - g_{t-1}),   g_t = g(w_t; B_t),  g_0 = g_1
        d_t = c_t / max(1, ||c_t||)        for each tensor, as CorrectedEstimator says

    One gradient computation a step.

    References: Yuan et al. 2024, section 3.2 ("MARS-approx").
    """

    settings = MARSApproximate

    def __init__(self, weights: Tensor, clip: str, one_dimensional: str) -> None:
        super().__init__(weights, clip, one_dimensional)
        self.state["started"] = weights.new_zeros(len(weights), 1)

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        (g,) = gradient(weights)
        change = (g - self.state["previous"]).mul_(self.state["started"])
        self.state["previous"].copy_(g)
        self.state["started"].fill_(1.0)
        return self.direction(g, change, hp), None
