"""alpha-SVRG (Yin et al. 2025)."""

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

from vrtune.testing.problem import HORIZON


def train(
    model: nn.Module,
    epochs: list[list[Batch]],
    optimizer: Optimizer,
    alpha: float,
    decay: bool,
    snapshot_period: int,
    start_epoch: int,
) -> tuple[list[float], int]:
    """Trains `model`; returns each epoch's mean training loss and the gradients computed."""
    losses, computed = [], 0
    snapshot: Vector = []
    mu: Vector = []
    alpha_t, snapshots = alpha, range(start_epoch, HORIZON, snapshot_period)
    for epoch, batches in enumerate(epochs):
        started = epoch >= start_epoch
        if started and (epoch - start_epoch) % snapshot_period == 0:
            snapshot = get_weights(model)
            mu = whole_gradient_at(model, snapshot, batches)
            computed += len(batches)
            if decay and len(snapshots) > 1:
                alpha_t = alpha * (1 - snapshots.index(epoch) / (len(snapshots) - 1))
        total = 0.0
        for x, y in batches:
            d, loss = gradient(model, (x, y))
            computed += 1
            if started:
                at_snapshot = gradient_at(model, snapshot, (x, y))
                computed += 1
                d = [
                    gi - alpha_t * (si - mi) for gi, si, mi in zip(d, at_snapshot, mu, strict=True)
                ]
            step(optimizer, model, d)
            total += loss * len(y)
        losses.append(total / sum(len(y) for _, y in batches))
    return losses, computed
