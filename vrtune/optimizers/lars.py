"""LARS: momentum whose step sizes keep to the size of each layer's weights."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings


class LARS(OptimizerSettings):
    """Momentum with a step size for each layer, a share of its weights' norm: for large batches.

    m <- momentum m + trust_coefficient |w| / (|d| + weight_decay |w|) (d + weight_decay w),
    w <- w - eta m

    Norms are those of each tensor; vectors, such as biases, take plain momentum without decay.

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        momentum: share of m that is kept, from 0 to below 1.
        weight_decay: adds weight_decay w to d, 0 or more.
        trust_coefficient: the share of its norm by which a tensor moves at eta = 1, above 0.

    Example:
        >>> from vrtune import LARS
        >>> LARS(lr=2.0, weight_decay=5e-4).trust_coefficient
        0.001
    """

    kind: Literal["lars"] = "lars"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: float = Field(default=0.0, ge=0)
    trust_coefficient: float = Field(default=1e-3, gt=0)


class LARSRule(StepRule):
    """Layer-wise adaptive rate scaling; for each tensor w of two or more dimensions

        q  = trust_coefficient |w| / (|d| + weight_decay |w|),   1 where that is 0 or 0 / 0
        m <- momentum m + q (d + weight_decay w)
        w <- w - eta m

    and for the others q = 1 and weight_decay = 0. The paper has eta inside m, as HeavyBall has; it
    is outside here, as in torch.optim.SGD and pytorch_optimizer.LARS. That is the judge, and its
    hyperparameters have these names.

    References: You, Gitman & Ginsburg, arXiv 1708.03888, 2017.
    """

    settings = LARS

    def __init__(self, weights: Tensor) -> None:
        self.state = {"momentum_buffer": torch.zeros_like(weights)}

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        decay, trust = hp["weight_decay"], hp["trust_coefficient"]
        buffer = self.state["momentum_buffer"].mul_(hp["momentum"])
        for w, g, m in zip(*map(self.views, (weights, d, buffer)), strict=True):
            vector = w.dim() < 3
            w, g, m = (rows.view(len(rows), -1) for rows in (w, g, m))
            if vector:
                m.add_(g)
            else:
                of_w, of_g = w.norm(dim=1, keepdim=True), g.norm(dim=1, keepdim=True)
                q = trust * of_w / (of_g + decay * of_w)
                q = torch.where((of_w > 0) & (of_g + decay * of_w > 0), q, 1.0)
                m.add_(q * torch.addcmul(g, w, decay))
        weights.addcmul_(buffer, -eta)
