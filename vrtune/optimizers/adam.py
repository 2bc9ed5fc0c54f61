"""Adam, AMSGrad, and AdamW's decoupled weight decay."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings

Decay = Annotated[float, Field(ge=0, lt=1)]


class Adam(OptimizerSettings):
    """Scales every coordinate's step by the size of its past gradients; also AMSGrad and AdamW.

    w <- w - eta m^ / (sqrt(v^) + eps),  m^, v^: unbiased means of d, d^2;  as torch.optim.Adam

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        betas: decay of m and of v, each from 0 to below 1.
        eps: keeps the denominator off zero, 0 or more.
        weight_decay: 0 or more; adds weight_decay w to d, or shrinks w if decoupled.
        amsgrad: takes the maximum of v so far (AMSGrad).
        decoupled_weight_decay: shrinks the weights themselves (AdamW).

    Example:
        >>> from vrtune import Adam
        >>> Adam(lr=1e-3, weight_decay=0.01, decoupled_weight_decay=True).twin()
        'AdamW'
    """

    kind: Literal["adam"] = "adam"
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    eps: float = Field(default=1e-8, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    amsgrad: bool = False
    decoupled_weight_decay: bool = Field(default=False, description="true: AdamW")

    def twin(self) -> str:
        return "AdamW" if self.decoupled_weight_decay else "Adam"


class AdamRule(StepRule):
    """Adaptive moments.

        d <- d + weight_decay w,   or decoupled:  w <- (1 - eta weight_decay) w
        m <- beta1 m + (1 - beta1) d
        v <- beta2 v + (1 - beta2) d^2,   AMSGrad: v is replaced by its maximum so far
        w <- w - eta / (1 - beta1^t)  m / (sqrt(v / (1 - beta2^t)) + eps)

    Twins: torch.optim.Adam and torch.optim.AdamW.
    References: Kingma & Ba, ICLR 2015; Reddi et al., ICLR 2018; Loshchilov & Hutter, ICLR 2019.
    """

    settings = Adam

    def __init__(self, weights: Tensor) -> None:
        self.state = {
            "exp_avg": torch.zeros_like(weights),
            "exp_avg_sq": torch.zeros_like(weights),
            "max_exp_avg_sq": torch.zeros_like(weights),
            "step": weights.new_zeros(len(weights), 1),
        }

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        m, v, v_max = (self.state[s] for s in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"))
        t = self.state["step"].add_(1.0)
        beta1, beta2 = hp["betas"][:, :1], hp["betas"][:, 1:]
        decoupled = hp["decoupled_weight_decay"]
        weights.mul_(1 - eta * hp["weight_decay"] * decoupled)
        d = torch.addcmul(d, weights, hp["weight_decay"] * (1 - decoupled))
        m.lerp_(d, 1 - beta1)
        v.mul_(beta2).addcmul_(d.mul_(d), 1 - beta2)
        torch.maximum(v_max, v, out=v_max)
        second = torch.where(hp["amsgrad"] > 0, v_max, v)
        denominator = second.sqrt_().div_((1 - beta2**t).sqrt()).add_(hp["eps"])
        weights.addcdiv_(m * (-eta / (1 - beta1**t)), denominator)
