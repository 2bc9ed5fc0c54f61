"""SVRG with a measured coefficient for every coordinate (Yin et al. 2025)."""

from __future__ import annotations

import torch
from reference.gradients import Batch, get_weights, gradient, gradient_at, step, whole_gradient_at
from torch import Tensor, nn
from torch.optim import Optimizer


class Coordinate:
    """Exponential mean, variance and covariance of one parameter's g and g~."""

    def __init__(self, memory: float) -> None:
        self.memory, self.seen = memory, 0

    def coefficient(self, like: Tensor) -> Tensor:
        """Cov(g~, g) / Var(g~) within 0 .. 1; 1 while no spread is known."""
        if self.seen < 2:
            return torch.ones_like(like)
        ratio = self.covariance / self.variance.clamp(min=1e-30)
        return ratio.clamp(0.0, 1.0)

    def see(self, g: Tensor, g_snapshot: Tensor) -> None:
        """Takes a step's gradients in."""
        if self.seen == 0:
            self.mean, self.mean_snapshot = g, g_snapshot
            self.covariance = self.variance = torch.zeros_like(g)
        else:
            b = self.memory
            off, off_snapshot = g - self.mean, g_snapshot - self.mean_snapshot
            self.covariance = b * (self.covariance + (1 - b) * off * off_snapshot)
            self.variance = b * (self.variance + (1 - b) * off_snapshot**2)
            self.mean = b * self.mean + (1 - b) * g
            self.mean_snapshot = b * self.mean_snapshot + (1 - b) * g_snapshot
        self.seen += 1


def train(
    model: nn.Module,
    epochs: list[list[Batch]],
    optimizer: Optimizer,
    memory: float,
    snapshot_period: int,
    start_epoch: int = 0,
) -> tuple[list[float], int]:
    """Trains `model`; returns each epoch's mean training loss and the gradients computed."""
    losses, computed = [], 0
    for epoch, batches in enumerate(epochs):
        started = epoch >= start_epoch
        if started and (epoch - start_epoch) % snapshot_period == 0:
            snapshot = get_weights(model)
            mu = whole_gradient_at(model, snapshot, batches)
            computed += len(batches)
            measured = [Coordinate(memory) for _ in mu]
        total = 0.0
        for x, y in batches:
            g, loss = gradient(model, (x, y))
            total += loss * len(y)
            if not started:
                computed += 1
                step(optimizer, model, g)
                continue
            at_snapshot = gradient_at(model, snapshot, (x, y))
            computed += 2
            d = []
            for gi, si, mi, m in zip(g, at_snapshot, mu, measured, strict=True):
                d.append(gi - m.coefficient(gi) * (si - mi))
                m.see(gi, si)
            step(optimizer, model, d)
        losses.append(total / sum(len(y) for _, y in batches))
    return losses, computed
