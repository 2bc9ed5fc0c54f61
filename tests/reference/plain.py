"""Stochastic gradients as they come."""

from __future__ import annotations

from reference.gradients import Batch, gradient, step
from torch import nn
from torch.optim import Optimizer


def train(
    model: nn.Module, epochs: list[list[Batch]], optimizer: Optimizer
) -> tuple[list[float], int]:
    """Trains `model`; returns each epoch's mean training loss and the gradients computed."""
    losses, computed = [], 0
    for batches in epochs:
        total = 0.0
        for x, y in batches:
            d, loss = gradient(model, (x, y))
            computed += 1
            step(optimizer, model, d)
            total += loss * len(y)
        losses.append(total / sum(len(y) for _, y in batches))
    return losses, computed
