"""AdaGrad: every coordinate's step shrinks with the squares it has seen."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings


class AdaGrad(OptimizerSettings):
    """Shrinks every coordinate's step with the squared gradients it has seen.

    s <- s + d^2,  w <- w - eta d / (sqrt(s) + eps);  as torch.optim.Adagrad

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        lr_decay: divides step t's size by 1 + (t - 1) lr_decay, 0 or more.
        weight_decay: adds weight_decay w to d, 0 or more.
        initial_accumulator_value: s at the start, 0 or more.
        eps: keeps the denominator off zero, 0 or more.

    Example:
        >>> from vrtune import AdaGrad
        >>> AdaGrad(lr=0.01).twin()
        'Adagrad'
    """

    kind: Literal["adagrad"] = "adagrad"
    lr_decay: float = Field(default=0.0, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    initial_accumulator_value: float = Field(default=0.0, ge=0)
    eps: float = Field(default=1e-10, ge=0)

    def twin(self) -> str:
        return "Adagrad"


class AdaGradRule(StepRule):
    """Adaptive subgradients.

        d <- d + weight_decay w
        s <- s + d^2,   s_0 = initial_accumulator_value
        w <- w - eta / (1 + (t - 1) lr_decay)  d / (sqrt(s) + eps)

    Twin: torch.optim.Adagrad.
    References: Duchi, Hazan & Singer, JMLR 2011.
    """

    settings = AdaGrad

    def __init__(self, weights: Tensor) -> None:
        self.state = {
            "sum": weights.new_zeros(weights.shape),
            "step": weights.new_zeros(len(weights), 1),
        }

    def admit(self, rows: Tensor, hp: dict[str, Tensor]) -> None:
        self.state["sum"][rows] = hp["initial_accumulator_value"][rows]

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        s, t = self.state["sum"], self.state["step"].add_(1.0)
        d = torch.addcmul(d, weights, hp["weight_decay"])
        s.addcmul_(d, d)
        eta = eta / (1 + (t - 1) * hp["lr_decay"])
        weights.addcdiv_(d.mul_(-eta), s.sqrt().add_(hp["eps"]))
