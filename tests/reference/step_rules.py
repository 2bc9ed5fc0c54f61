"""Step rules that no library has in this form, a coordinate or a tensor at a time."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class Slow(Optimizer):
    """Settings by their names, and `move` for each parameter."""

    def __init__(self, params: list[Tensor], **settings: Any) -> None:
        super().__init__(params, settings)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """As any optimizer of PyTorch."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                self.move(p, p.grad, self.state[p], group)
        return loss

    def move(self, w: Tensor, d: Tensor, state: dict, s: dict) -> None:
        """A step of one tensor."""
        raise NotImplementedError


class Velocity(Slow):
    """v <- mu v - eta d,  w <- w + v."""

    def move(self, w: Tensor, d: Tensor, state: dict, s: dict) -> None:
        v = state.get("velocity", torch.zeros_like(w))
        v = s["momentum"] * v - s["lr"] * d
        w.copy_(w + v)
        state["velocity"] = v


class Mean(Slow):
    """m <- beta m + (1 - beta) d,  w <- w - eta m."""

    def move(self, w: Tensor, d: Tensor, state: dict, s: dict) -> None:
        beta = s["momentum"]
        m = beta * state.get("velocity", torch.zeros_like(w)) + (1 - beta) * d
        w.copy_(w - s["lr"] * m)
        state["velocity"] = m


class LAMB(Slow):
    """Algorithm 2 of the paper, a number at a time."""

    def move(self, w: Tensor, d: Tensor, state: dict, s: dict) -> None:
        beta1, beta2 = s["betas"]
        t = state["step"] = state.get("step", 0) + 1
        size = range(w.numel())
        m, v = state.setdefault("m", [0.0] * len(size)), state.setdefault("v", [0.0] * len(size))
        old, g, u = w.flatten().tolist(), d.flatten().tolist(), [0.0] * len(size)
        for i in size:
            m[i] = beta1 * m[i] + (1 - beta1) * g[i]
            v[i] = beta2 * v[i] + (1 - beta2) * g[i] ** 2
            root = sqrt(v[i] / (1 - beta2**t))
            u[i] = m[i] / (1 - beta1**t) / (root + s["eps"]) + s["weight_decay"] * old[i]
        phi = min(sqrt(sum(x * x for x in old)), s["clamp"])
        norm = sqrt(sum(x * x for x in u))
        ratio = phi / (norm + s["eps"]) if phi > 0 and norm > 0 else 1.0
        moved = [x - s["lr"] * ratio * y for x, y in zip(old, u, strict=True)]
        w.copy_(torch.tensor(moved, dtype=torch.float64).view_as(w))
