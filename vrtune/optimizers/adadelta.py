"""AdaDelta: steps in the units of the weights."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings


class AdaDelta(OptimizerSettings):
    """Takes every coordinate's step size from its past steps and gradients.

    w <- w - eta sqrt(u + eps) / sqrt(v + eps) d,  u, v: means of past squared steps and of d^2;
    as torch.optim.Adadelta

    Args:
        lr: factor on the step, above 0, 1 in the paper; left out where the estimator sets it.
        rho: decay of u and v, from 0 to below 1.
        eps: starts u off zero, 0 or more.
        weight_decay: adds weight_decay w to d, 0 or more.

    Example:
        >>> from vrtune import AdaDelta
        >>> AdaDelta(lr=1.0, rho=0.95).twin()
        'Adadelta'
    """

    kind: Literal["adadelta"] = "adadelta"
    rho: Annotated[float, Field(ge=0, lt=1)] = 0.9
    eps: float = Field(default=1e-6, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)

    def twin(self) -> str:
        return "Adadelta"


class AdaDeltaRule(StepRule):
    """An estimate of Newton's step from first derivatives.

        d <- d + weight_decay w
        v <- rho v + (1 - rho) d^2
        s  = sqrt(u + eps) / sqrt(v + eps) d
        u <- rho u + (1 - rho) s^2
        w <- w - eta s

    Twin: torch.optim.Adadelta.
    References: Zeiler, arXiv 1212.5701, 2012.
    """

    settings = AdaDelta

    def __init__(self, weights: Tensor) -> None:
        self.state = {
            "square_avg": torch.zeros_like(weights),
            "acc_delta": torch.zeros_like(weights),
        }

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        v, u = self.state["square_avg"], self.state["acc_delta"]
        rho, eps = hp["rho"], hp["eps"]
        d = torch.addcmul(d, weights, hp["weight_decay"])
        v.mul_(rho).addcmul_(d * d, 1 - rho)
        s = (u + eps).sqrt_().div_((v + eps).sqrt_()).mul_(d)
        u.mul_(rho).addcmul_(s * s, 1 - rho)
        weights.addcmul_(s, -eta)
