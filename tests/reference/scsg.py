"""SCSG (Lei & Jordan 2017) with as many inner steps as batches, on those batches."""

from __future__ import annotations

from reference.gradients import Batch, get_weights, gradient, gradient_at, step, whole_gradient_at
from torch import nn
from torch.optim import Optimizer


def train(
    model: nn.Module, epochs: list[list[Batch]], optimizer: Optimizer, mega_batch: int
) -> tuple[list[float], int]:
    """Trains `model`; returns each epoch's mean training loss and the gradients computed."""
    losses, computed = [], 0
    for batches in epochs:
        total = 0.0
        for first in range(0, len(batches), mega_batch):
            mega = batches[first : first + mega_batch]
            snapshot = get_weights(model)
            mu = whole_gradient_at(model, snapshot, mega)
            computed += len(mega)
            for x, y in mega:
                g, loss = gradient(model, (x, y))
                at_snapshot = gradient_at(model, snapshot, (x, y))
                computed += 2
                d = [gi - si + mi for gi, si, mi in zip(g, at_snapshot, mu, strict=True)]
                step(optimizer, model, d)
                total += loss * len(y)
        losses.append(total / sum(len(y) for _, y in batches))
    return losses, computed
