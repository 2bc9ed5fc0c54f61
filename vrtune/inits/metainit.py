"""MetaInit: scales every weight tensor until the gradient changes little along itself."""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field

from vrtune.inits.base import Init, Losses, Probe
from vrtune.later import Tensor, torch
from vrtune.units import InitSettings

NORM_FLOOR = 1e-3  # a tensor keeps at least this share of its first norm, so it can grow again


class MetaInit(InitSettings):
    """Scales every weight tensor until a gradient step would change the gradient little.

    signed momentum descent on GQ = mean | (g - Hg) / (g + epsilon sign(g)) - 1 |

    Args:
        lr: step of a tensor's norm, above 0.
        momentum: share of the last step that is kept, from 0 to below 1.
        steps: batches of noise, 1 or more; each takes three gradient computations.
        epsilon: keeps the denominator off zero, above 0.

    Example:
        >>> from vrtune import MetaInit
        >>> MetaInit(steps=100).spent  # gradient computations before the first step
        300.0

    References: Dauphin & Schoenholz, NeurIPS 2019.
    """

    kind: Literal["metainit"] = "metainit"
    lr: float = Field(default=0.1, gt=0, description="step of a tensor's norm")
    momentum: float = Field(default=0.9, ge=0, lt=1)
    steps: int = Field(default=500, ge=1, description="batches of noise")
    epsilon: float = Field(default=1e-5, gt=0, description="keeps the denominator off zero")

    @property
    def spent(self) -> float:
        """Three backward passes a step: g, Hg and dGQ/dp."""
        return 3.0 * self.steps


def gradient_quotient(
    parameters: list[Tensor], losses: Losses, x: Tensor, y: Tensor, epsilon: Tensor
) -> Tensor:
    """GQ of each lane, [r]: how much one gradient step would change the gradient.

    GQ = (1/N) sum | (g - Hg) / (g + eps sign(g)) - 1 |,  sign(0) = +1,  Hg = grad(||g||^2 / 2)

    `parameters` are tensors [r, *shape] that require gradients, `epsilon` is [r, 1].
    """
    used = partial(torch.autograd.grad, allow_unused=True, materialize_grads=True)
    g = used(losses(parameters, x, y).sum(), parameters, create_graph=True)
    half_norm = sum((gi.square().sum() for gi in g), g[0].new_zeros(())) / 2
    Hg = used(half_norm, parameters, create_graph=True)
    total, count = epsilon.new_zeros(len(epsilon)), 0
    for gi, Hgi in zip(g, Hg, strict=True):
        gi, Hgi = gi.flatten(1), Hgi.flatten(1)
        sign = torch.where(gi.detach() >= 0, 1.0, -1.0)
        total = total + ((gi - Hgi) / (gi + epsilon * sign) - 1).abs().sum(1)
        count += gi.shape[1]
    return total / count


class MetaInitInit(Init):
    """MetaInit on lanes.

    Each step, on fresh noise, for every tensor p of two or more dimensions:
        s = sign(<p, dGQ/dp> / ||p||)
        m <- momentum m - lr s
        p <- p (||p|| + m) / ||p||

    References: Dauphin & Schoenholz, "MetaInit: Initializing learning by learning to initialize",
    NeurIPS 2019.
    """

    settings = MetaInit

    def start(
        self, parameters: list[Tensor], hp: dict[str, Tensor], losses: Losses, probe: Probe
    ) -> None:
        lr, momentum, steps = (hp[name][:, 0] for name in ("lr", "momentum", "steps"))
        scaled = [i for i, p in enumerate(parameters) if p.dim() >= 3]  # the lane is one dimension
        m = {i: torch.zeros_like(lr) for i in scaled}
        floor = {i: NORM_FLOOR * parameters[i].flatten(1).norm(dim=1) for i in scaled}
        for step in range(int(steps.max())):
            leaves = [p.detach().requires_grad_() for p in parameters]
            gq = gradient_quotient(leaves, losses, *probe(step), hp["epsilon"])
            slopes = torch.autograd.grad(
                gq.sum(), [leaves[i] for i in scaled], allow_unused=True, materialize_grads=True
            )
            for i, slope in zip(scaled, slopes, strict=True):
                p = parameters[i].flatten(1)
                norm = p.norm(dim=1)
                s = torch.sign((p * slope.flatten(1)).sum(1))
                m[i] = momentum * m[i] - lr * s
                scale = torch.maximum(norm + m[i], floor[i]) / norm
                scale = torch.where((step < steps) & (norm > 0), scale, torch.ones_like(scale))
                parameters[i].mul_(scale.view(-1, *[1] * (parameters[i].dim() - 1)))
