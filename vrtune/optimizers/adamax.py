"""AdaMax: Adam with the largest of the past gradients in place of their mean square."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.optimizers.adam import Decay
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings


class AdaMax(OptimizerSettings):
    """Scales every coordinate's step by the largest of its past gradients, which fade.

    w <- w - eta m^ / u,  m^: unbiased mean of d, u <- max(beta2 u, |d| + eps);
    as torch.optim.Adamax

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        betas: decay of m and of u, each from 0 to below 1.
        eps: keeps u off zero, 0 or more.
        weight_decay: adds weight_decay w to d, 0 or more.

    Example:
        >>> from vrtune import AdaMax
        >>> AdaMax(lr=2e-3).twin()
        'Adamax'
    """

    kind: Literal["adamax"] = "adamax"
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    eps: float = Field(default=1e-8, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)

    def twin(self) -> str:
        return "Adamax"


class AdaMaxRule(StepRule):
    """Adam in the infinity norm.

        d <- d + weight_decay w
        m <- beta1 m + (1 - beta1) d
        u <- max(beta2 u, |d| + eps)
        w <- w - eta / (1 - beta1^t)  m / u

    Twin: torch.optim.Adamax.
    References: Kingma & Ba, ICLR 2015, section 7.1.
    """

    settings = AdaMax

    def __init__(self, weights: Tensor) -> None:
        self.state = {
            "exp_avg": torch.zeros_like(weights),
            "exp_inf": torch.zeros_like(weights),
            "step": weights.new_zeros(len(weights), 1),
        }

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        m, u = self.state["exp_avg"], self.state["exp_inf"]
        t = self.state["step"].add_(1.0)
        beta1, beta2 = hp["betas"][:, :1], hp["betas"][:, 1:]
        d = torch.addcmul(d, weights, hp["weight_decay"])
        m.lerp_(d, 1 - beta1)
        torch.maximum(u.mul_(beta2), d.abs_().add_(hp["eps"]), out=u)
        weights.addcdiv_(m * (-eta / (1 - beta1**t)), u)
