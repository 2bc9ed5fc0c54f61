"""RMSProp: plain, centred, and with momentum."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings


class RMSProp(OptimizerSettings):
    """Scales every coordinate's step by its recent gradients' size, or by their spread (centred).

    v <- alpha v + (1 - alpha) d^2,  w <- w - eta d / (sqrt(v) + eps);  as torch.optim.RMSprop

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        alpha: decay of v, from 0 to below 1.
        eps: keeps the denominator off zero, 0 or more.
        weight_decay: adds weight_decay w to d, 0 or more.
        momentum: share of the last step that is made again, 0 or more.
        centered: takes the squared mean of d off v, which leaves its variance.

    Example:
        >>> from vrtune import RMSProp
        >>> RMSProp(lr=1e-3, alpha=0.9, centered=True).twin()
        'RMSprop'
    """

    kind: Literal["rmsprop"] = "rmsprop"
    alpha: Annotated[float, Field(ge=0, lt=1)] = 0.99
    eps: float = Field(default=1e-8, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.0, ge=0)
    centered: bool = False

    def twin(self) -> str:
        return "RMSprop"


class RMSPropRule(StepRule):
    """A running mean of squares.

        d <- d + weight_decay w
        v <- alpha v + (1 - alpha) d^2
        g <- alpha g + (1 - alpha) d
        b <- momentum b + d / (sqrt(v) + eps),   centred: sqrt(v - g^2)
        w <- w - eta b

    Twin: torch.optim.RMSprop.
    References: Hinton, Neural Networks for Machine Learning, lecture 6e, 2012; centred, with
    momentum: Graves, arXiv 1308.0850, 2013.
    """

    settings = RMSProp

    def __init__(self, weights: Tensor) -> None:
        self.state = {
            "square_avg": torch.zeros_like(weights),
            "grad_avg": torch.zeros_like(weights),
            "momentum_buffer": torch.zeros_like(weights),
        }

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        v, g, b = (self.state[s] for s in ("square_avg", "grad_avg", "momentum_buffer"))
        alpha = hp["alpha"]
        d = torch.addcmul(d, weights, hp["weight_decay"])
        v.mul_(alpha).addcmul_(d * d, 1 - alpha)
        g.lerp_(d, 1 - alpha)
        spread = torch.addcmul(v, g * g, -hp["centered"])
        b.mul_(hp["momentum"]).addcdiv_(d, spread.sqrt_().add_(hp["eps"]))
        weights.addcmul_(b, -eta)
