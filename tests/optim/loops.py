"""A small model, its batches, and the loop that users write around an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from vrtune import optim

Batch = tuple[Tensor, Tensor]

METHODS: dict[str, Callable[[Any], optim.VarianceReduced]] = {
    "svrg": lambda p: optim.SVRG(p, lr=0.05, momentum=0.9),
    "alpha_svrg": lambda p: optim.AlphaSVRG(p, lr=0.05, snapshots=4),
    "optimal_svrg": lambda p: optim.OptimalSVRG(p, lr=0.05),
    "scsg": lambda p: optim.SCSG(p, lr=0.05),
    "storm": lambda p: optim.STORM(p),
    "mars": lambda p: optim.MARS(p),
    "mars_approximate": lambda p: optim.MARSApproximate(p),
}


def net(seed: int = 0, dropout: float = 0.0, bias: bool = True) -> nn.Module:
    """linear - batch norm - tanh - dropout - linear; 3 inputs, 2 classes."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(3, 5, bias=bias),
        nn.BatchNorm1d(5),
        nn.Tanh(),
        nn.Dropout(dropout),
        nn.Linear(5, 2),
    )


def batches(count: int = 4, size: int = 6, seed: int = 1) -> list[Batch]:
    """Noise with labels that can be learnt."""
    drawn = torch.Generator().manual_seed(seed)
    xs = [torch.randn(size, 3, generator=drawn) for _ in range(count)]
    return [(x, (x.sum(1) > 0).long()) for x in xs]


def gradient_of(model: nn.Module) -> Callable[[Batch], Tensor]:
    """The function of a batch: clears, runs forward and backward, returns the loss."""

    def gradient(batch: Batch) -> Tensor:
        x, y = batch
        model.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    return gradient


def train_on(
    model: nn.Module, optimizer: Optimizer, data: Sequence[Batch], scheduler: Any = None
) -> list[float]:
    """The losses of a step on each batch."""
    gradient, losses = gradient_of(model), []
    for batch in data:
        losses.append(optimizer.step(lambda b=batch: gradient(b)).item())
        if scheduler is not None:
            scheduler.step()
    return losses


def train(
    model: nn.Module,
    optimizer: Optimizer,
    data: Sequence[Batch],
    epochs: int = 1,
    scheduler: Any = None,
) -> list[float]:
    """The losses of all steps; a snapshot before each epoch where there are any."""
    losses = []
    for _ in range(epochs):
        if getattr(optimizer, "keeps_snapshot", False):
            optimizer.snapshot(data, gradient_of(model))
        losses += train_on(model, optimizer, data, scheduler)
    return losses


def weights(model: nn.Module) -> Tensor:
    """All parameters as one vector."""
    return torch.cat([p.detach().flatten().clone() for p in model.parameters()])
