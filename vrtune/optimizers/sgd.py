"""Gradient descent with momentum, Nesterov's momentum and weight decay."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from vrtune.later import Tensor, torch
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings


class SGD(OptimizerSettings):
    """Gradient descent with momentum, Nesterov's momentum and weight decay.

    m <- momentum m + (1 - dampening) d,  w <- w - eta m;  as torch.optim.SGD

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        momentum: share of m that is kept, 0 or more.
        dampening: share of d that m leaves out; needs momentum.
        weight_decay: adds weight_decay w to d, 0 or more.
        nesterov: steps along d + momentum m; needs momentum and no dampening.

    Raises:
        pydantic.ValidationError: dampening or nesterov without what it needs.

    Example:
        >>> from vrtune import SGD
        >>> SGD(lr=0.1, momentum=0.9, nesterov=True).numbers()["momentum"]
        [0.9]
    """

    kind: Literal["sgd"] = "sgd"
    momentum: float = Field(default=0.0, ge=0)
    dampening: float = 0.0
    weight_decay: float = Field(default=0.0, ge=0)
    nesterov: bool = False

    def twin(self) -> str:
        return "SGD"

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and (self.momentum <= 0 or self.dampening != 0):
            raise ValueError("nesterov needs a momentum above 0 and no dampening")
        if self.dampening and not self.momentum:
            raise ValueError("dampening needs a momentum above 0")
        return self


class SGDRule(StepRule):
    """Stochastic gradient descent.

        d  <- d + weight_decay w
        m  <- momentum m + (1 - dampening) d,   m_1 = d_1
        d  <- d + momentum m   (Nesterov)   or   m
        w  <- w - eta d

    Twin: torch.optim.SGD.
    """

    settings = SGD

    def __init__(self, weights: Tensor) -> None:
        self.state = {
            "momentum_buffer": torch.zeros_like(weights),
            "started": weights.new_zeros(len(weights), 1),
        }

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        m, started = self.state["momentum_buffer"], self.state["started"]
        nesterov, momentum = hp["nesterov"], hp["momentum"]
        d = torch.addcmul(d, weights, hp["weight_decay"])
        m.mul_(momentum).addcmul_(d, 1 - hp["dampening"] * started)
        started.fill_(1.0)
        weights.addcmul_(d, -eta * nesterov)
        weights.addcmul_(m, -eta * (1 - nesterov + nesterov * momentum))
