"""STORM (Cutkosky & Orabona 2019, Algorithm 1)."""

from __future__ import annotations

from reference.gradients import Batch, Vector, get_weights, gradient, gradient_at, step
from torch import nn
from torch.optim import Optimizer


def train(
    model: nn.Module,
    epochs: list[list[Batch]],
    optimizer: Optimizer,
    k: float,
    w: float,
    c: float,
) -> tuple[list[float], int]:
    """Trains `model`; returns each epoch's mean training loss and the gradients computed.

    The first step has no use for a second gradient, but every step is counted as two.
    """
    losses, computed = [], 0
    d: Vector = []
    previous: Vector = []
    a, sum_of_squares = 1.0, 0.0
    for batches in epochs:
        total = 0.0
        for x, y in batches:
            here = get_weights(model)
            g, loss = gradient(model, (x, y))
            if not d:
                d = g
            else:
                before = gradient_at(model, previous, (x, y))
                d = [gi + (1 - a) * (di - bi) for gi, di, bi in zip(g, d, before, strict=True)]
            computed += 2
            sum_of_squares += sum(float(gi.square().sum()) for gi in g)
            eta = k / (w + sum_of_squares) ** (1 / 3)
            a = min(1.0, c * eta**2)
            previous = here
            optimizer.param_groups[0]["lr"] = eta
            step(optimizer, model, d)
            total += loss * len(y)
        losses.append(total / sum(len(y) for _, y in batches))
    return losses, computed
