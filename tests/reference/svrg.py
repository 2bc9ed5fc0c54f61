"""SVRG (Johnson & Zhang 2013), a snapshot every `snapshot_period` epochs from `start_epoch` on."""

from __future__ import annotations

from reference.gradients import (
    Batch,
    Vector,
    get_weights,
    gradient,
    gradient_at,
    step,
    whole_gradient_at,
)
from torch import nn
from torch.optim import Optimizer


def train(
    model: nn.Module,
    epochs: list[list[Batch]],
    optimizer: Optimizer,
    snapshot_period: int,
    start_epoch: int = 0,
) -> tuple[list[float], int]:
    """Trains `model`; returns each epoch's mean training loss and the gradients computed.

    The epochs of one period must hold the same batches, in whatever order.
    """
    losses, computed = [], 0
    snapshot: Vector = []
    mu: Vector = []
    for epoch, batches in enumerate(epochs):
        started = epoch >= start_epoch
        if started and (epoch - start_epoch) % snapshot_period == 0:
            snapshot = get_weights(model)
            mu = whole_gradient_at(model, snapshot, batches)
            computed += len(batches)
        total = 0.0
        for x, y in batches:
            d, loss = gradient(model, (x, y))
            computed += 1
            if started:
                at_snapshot = gradient_at(model, snapshot, (x, y))
                computed += 1
                d = [gi - si + mi for gi, si, mi in zip(d, at_snapshot, mu, strict=True)]
            step(optimizer, model, d)
            total += loss * len(y)
        losses.append(total / sum(len(y) for _, y in batches))
    return losses, computed
