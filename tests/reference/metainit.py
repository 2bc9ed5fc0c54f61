"""MetaInit (Dauphin & Schoenholz 2019) on one module."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from reference.gradients import Batch
from torch import Tensor, nn


def gradient_quotient(model: nn.Module, batch: Batch, epsilon: float) -> Tensor:
    """(1/N) sum | (g - Hg) / (g + eps sign(g)) - 1 | over all N coordinates, sign(0) = +1."""
    x, y = batch
    parameters = list(model.parameters())
    g = torch.autograd.grad(F.cross_entropy(model(x), y), parameters, create_graph=True)
    Hg = torch.autograd.grad(sum((gi**2).sum() for gi in g) / 2, parameters, create_graph=True)
    total = 0.0
    for gi, Hgi in zip(g, Hg, strict=True):
        sign = torch.where(gi.detach() >= 0, 1.0, -1.0)
        total = total + ((gi - Hgi) / (gi + epsilon * sign) - 1).abs().sum()
    return total / sum(p.numel() for p in parameters)


def start(
    model: nn.Module,
    probe: Callable[[int], Batch],
    *,
    lr: float,
    momentum: float,
    steps: int,
    epsilon: float,
) -> None:
    """Rescales every weight tensor of `model`, step by step; `probe` gives each step's noise.

    A tensor keeps a thousandth of its first norm.
    """
    model.train()
    scaled = [p for p in model.parameters() if p.dim() >= 2]
    m = [0.0 for _ in scaled]
    lowest = [float(p.detach().norm()) / 1000 for p in scaled]
    for t in range(steps):
        gq = gradient_quotient(model, probe(t), epsilon)
        slopes = torch.autograd.grad(gq, scaled)
        for i, (p, slope) in enumerate(zip(scaled, slopes, strict=True)):
            norm = float(p.detach().norm())
            s = torch.sign((p.detach() * slope).sum() / norm)
            m[i] = momentum * m[i] - lr * float(s)
            with torch.no_grad():
                p.mul_(max(norm + m[i], lowest[i]) / norm)
