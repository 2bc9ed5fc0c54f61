"""MARS (Yuan et al. 2024), exact and approximate."""

from __future__ import annotations

import math
from typing import Any

from reference.gradients import Batch, Vector, get_weights, gradient, gradient_at, step
from torch import nn
from torch.optim import Optimizer


def train(
    model: nn.Module, epochs: list[list[Batch]], optimizer: Optimizer, **settings: Any
) -> tuple[list[float], int]:
    """Trains `model`; returns each epoch's mean training loss and the gradients computed."""
    return _train(model, epochs, optimizer, exact=True, **settings)


def train_approximate(
    model: nn.Module, epochs: list[list[Batch]], optimizer: Optimizer, **settings: Any
) -> tuple[list[float], int]:
    """The same with the gradient of the step before in place of a second one."""
    return _train(model, epochs, optimizer, exact=False, **settings)


def _train(
    model: nn.Module,
    epochs: list[list[Batch]],
    optimizer: Optimizer,
    exact: bool,
    gamma: float,
    beta1: float,
    clip: str,
    one_dimensional: str,
) -> tuple[list[float], int]:
    losses, computed = [], 0
    previous_weights, previous_gradient = get_weights(model), None
    for batches in epochs:
        total = 0.0
        for x, y in batches:
            here = get_weights(model)
            g, loss = gradient(model, (x, y))
            before: Vector = previous_gradient or g
            if exact:
                before = gradient_at(model, previous_weights, (x, y))
            computed += 2 if exact else 1
            correction = gamma * beta1 / (1 - beta1)
            c = [gi + correction * (gi - bi) for gi, bi in zip(g, before, strict=True)]
            plain = [one_dimensional == "plain" and gi.dim() == 1 for gi in g]
            norms = [float(ci.norm()) for ci in c]
            if clip == "model":
                norms = [
                    math.hypot(*(n for n, p in zip(norms, plain, strict=True) if not p))
                ] * len(c)
            d = [
                gi if p else ci / max(1.0, n)
                for gi, ci, n, p in zip(g, c, norms, plain, strict=True)
            ]
            step(optimizer, model, d)
            previous_weights, previous_gradient = here, g
            total += loss * len(y)
        losses.append(total / sum(len(y) for _, y in batches))
    return losses, computed
