"""RAdam: Adam that waits until it knows the size of its gradients."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.optimizers.adam import Decay
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings


class RAdam(OptimizerSettings):
    """Adam whose first steps are momentum's, until v is known, and then small: a warm-up.

    w <- w - eta r_t m^ / (sqrt(v^) + eps),  or eta m^ in the first steps;  as torch.optim.RAdam

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        betas: decay of m and of v, each from 0 to below 1.
        eps: keeps the denominator off zero, 0 or more.
        weight_decay: 0 or more; adds weight_decay w to d, or shrinks w if decoupled.
        decoupled_weight_decay: shrinks the weights themselves (as AdamW, and in the paper).

    Example:
        >>> from vrtune import RAdam
        >>> RAdam(lr=1e-3).twin()
        'RAdam'
    """

    kind: Literal["radam"] = "radam"
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    eps: float = Field(default=1e-8, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    decoupled_weight_decay: bool = False

    def twin(self) -> str:
        return "RAdam"


class RAdamRule(StepRule):
    """Rectified adaptive moments.

        d <- d + weight_decay w,   or decoupled:  w <- (1 - eta weight_decay) w
        m <- beta1 m + (1 - beta1) d
        v <- beta2 v + (1 - beta2) d^2
        rho_t = rho - 2 t beta2^t / (1 - beta2^t),   rho = 2 / (1 - beta2) - 1
        r_t = sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t))
        s  = r_t sqrt(1 - beta2^t) / (sqrt(v) + eps)  if rho_t > 5,  else 1
        w <- w - eta s m / (1 - beta1^t)

    Twin: torch.optim.RAdam.
    References: Liu et al., ICLR 2020 (arXiv 1908.03265).
    """

    settings = RAdam

    def __init__(self, weights: Tensor) -> None:
        self.state = {
            "exp_avg": torch.zeros_like(weights),
            "exp_avg_sq": torch.zeros_like(weights),
            "step": weights.new_zeros(len(weights), 1),
            "sum": weights.new_zeros(len(weights), 1),
            "sum_of_ages": weights.new_zeros(len(weights), 1),
        }

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        m, v, t = (self.state[s] for s in ("exp_avg", "exp_avg_sq", "step"))
        t.add_(1.0)
        beta1, beta2 = hp["betas"][:, :1], hp["betas"][:, 1:]
        decoupled = hp["decoupled_weight_decay"]
        weights.mul_(1 - eta * hp["weight_decay"] * decoupled)
        d = torch.addcmul(d, weights, hp["weight_decay"] * (1 - decoupled))
        m.lerp_(d, 1 - beta1)
        v.mul_(beta2).addcmul_(d.mul_(d), 1 - beta2)
        rho, rho_t = 2 / (1 - beta2) - 1, self._length(beta2)
        r = ((rho_t - 4) * (rho_t - 2) * rho / ((rho - 4) * (rho - 2) * rho_t)).sqrt_()
        s = r * (1 - beta2**t).sqrt_() / v.sqrt().add_(hp["eps"])
        s = torch.where(rho_t > 5, s, 1.0)
        weights.addcmul_(s.mul_(m), -eta / (1 - beta1**t))

    def _length(self, beta2: Tensor) -> Tensor:
        """rho_t. As printed it is a difference of thousands, of which single precision leaves one
        digit; it equals 1 + 2 sum_i i beta2^i / sum_i beta2^i over i < t, which has none."""
        S, N = self.state["sum"], self.state["sum_of_ages"]
        N.add_(S).mul_(beta2)
        S.mul_(beta2).add_(1.0)
        return 1 + 2 * N / S
