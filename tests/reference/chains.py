"""The slow chains: one model, and the same noise from Python's integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.optim import Optimizer

WHOLE = (1 << 64) - 1


def splitmix(h: int) -> int:
    """The output function of splitmix64, as its authors print it, of unsigned numbers."""
    h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) & WHOLE
    h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) & WHOLE
    return h ^ (h >> 31)


def seed(key: tuple[int, int], step: int) -> int:
    """Of a step: its place in the orbit of the key."""
    low, high = (word & 0xFFFFFFFF for word in key)
    return splitmix(((high << 32) + low + step * 0x9E3779B97F4A7C15) & WHOLE)


def normals(key: tuple[int, int], step: int, count: int) -> list[float]:
    """The cosines of all pairs, then their sines."""
    halves: tuple[list[float], list[float]] = ([], [])
    for pair in range(1, (count + 1) // 2 + 1):
        bits = splitmix((seed(key, step) + pair * 0x9E3779B97F4A7C15) & WHOLE)
        u, v = ((bits >> 40) + 1) / 2**24, (bits & 0xFFFFFF) / 2**24
        radius = math.sqrt(-2 * math.log(u))
        halves[0].append(radius * math.cos(2 * math.pi * v))
        halves[1].append(radius * math.sin(2 * math.pi * v))
    return [*halves[0], *halves[1]][:count]


class Langevin(Optimizer):
    """SGLD and SGHMC, a parameter's entry after another."""

    def __init__(
        self, params: list[Tensor], settings: dict, samples: int, key: tuple[int, int]
    ) -> None:
        super().__init__(params, {})
        self.settings, self.samples, self.key, self.steps = settings, samples, key, 0

    @torch.no_grad()
    def step(self, closure: Callable | None = None) -> None:  # type: ignore[override]
        """One step."""
        s, N = self.settings, self.samples
        self.steps += 1
        params = self.param_groups[0]["params"]
        noise: Iterator[float] = iter(normals(self.key, self.steps, sum(p.numel() for p in params)))
        for p in params:
            xi = torch.tensor([next(noise) for _ in range(p.numel())], dtype=p.dtype).view(p.shape)
            force = p.grad + s["prior_precision"] / N * p
            if "friction" not in s:
                p += -s["lr"] * force + math.sqrt(2 * s["lr"] * s["temperature"] / N) * xi
                continue
            v = self.state[p].setdefault("velocity", torch.zeros_like(p))
            a = s["friction"]
            before = v.clone()
            heat = math.sqrt(2 * a * s["lr"] * s["temperature"] / N)
            v.copy_((1 - a) * v - s["lr"] * force + heat * xi)
            p += before if s["explicit"] else v
