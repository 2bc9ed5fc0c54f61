"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.optimizers.adam import Decay
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings


class NAdam(OptimizerSettings):
    """Adam that steps along the momentum it will have next, as Nesterov's method does.

    w <- w - eta (a_t d + b_t m) / (sqrt(v^) + eps);  as torch.optim.NAdam

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        betas: decay of m and of v, each from 0 to below 1.
        eps: keeps the denominator off zero, 0 or more.
        weight_decay: 0 or more; adds weight_decay w to d, or shrinks w if decoupled.
        momentum_decay: how fast the momentum grows from beta1 / 2 to beta1, 0 or more.
        decoupled_weight_decay: shrinks the weights themselves (as AdamW).

    Example:
        >>> from vrtune import NAdam
        >>> NAdam(lr=2e-3).twin()
        'NAdam'
    """

    kind: Literal["nadam"] = "nadam"
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    eps: float = Field(default=1e-8, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    momentum_decay: float = Field(default=0.004, ge=0)
    decoupled_weight_decay: bool = False

    def twin(self) -> str:
        return "NAdam"


class NAdamRule(StepRule):
    """Adaptive moments that look ahead.

        mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2),   M_t = mu_1 mu_2 ... mu_t
        d <- d + weight_decay w,   or decoupled:  w <- (1 - eta weight_decay) w
        m <- beta1 m + (1 - beta1) d
        v <- beta2 v + (1 - beta2) d^2
        n  = (1 - mu_t) / (1 - M_t) d + mu_{t+1} / (1 - M_{t+1}) m
        w <- w - eta n / (sqrt(v / (1 - beta2^t)) + eps)

    Twin: torch.optim.NAdam.
    References: Dozat, ICLR workshop 2016.
    """

    settings = NAdam

    def __init__(self, weights: Tensor) -> None:
        self.state = {
            "exp_avg": torch.zeros_like(weights),
            "exp_avg_sq": torch.zeros_like(weights),
            "mu_product": weights.new_zeros(len(weights), 1),
            "step": weights.new_zeros(len(weights), 1),
        }

    def admit(self, rows: Tensor, hp: dict[str, Tensor]) -> None:
        self.state["mu_product"][rows] = 1.0

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        m, v, M = (self.state[s] for s in ("exp_avg", "exp_avg_sq", "mu_product"))
        t = self.state["step"].add_(1.0)
        beta1, beta2 = hp["betas"][:, :1], hp["betas"][:, 1:]
        decoupled = hp["decoupled_weight_decay"]
        weights.mul_(1 - eta * hp["weight_decay"] * decoupled)
        d = torch.addcmul(d, weights, hp["weight_decay"] * (1 - decoupled))
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (s * hp["momentum_decay"])) for s in (t, t + 1))
        M.mul_(mu)
        m.lerp_(d, 1 - beta1)
        v.mul_(beta2).addcmul_(d * d, 1 - beta2)
        n = d.mul_((1 - mu) / (1 - M)).addcmul_(m, mu_next / (1 - M * mu_next))
        denominator = (v / (1 - beta2**t)).sqrt_().add_(hp["eps"])
        weights.addcdiv_(n.mul_(-eta), denominator)
