"""Gradients of an ordinary module on one batch, where it stands or somewhere else."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

Batch = tuple[Tensor, Tensor]
Vector = list[Tensor]  # one tensor a parameter


def gradient(model: nn.Module, batch: Batch) -> tuple[Vector, float]:
    """The step's own gradient g(w; B) and the loss; batch norm moves its running statistics."""
    model.train()
    x, y = batch
    loss = F.cross_entropy(model(x), y)
    return list(torch.autograd.grad(loss, list(model.parameters()))), float(loss.detach())


def gradient_at(model: nn.Module, weights: Vector, batch: Batch) -> Vector:
    """g(weights; B) in train mode. The model's weights and running statistics are put back."""
    own = get_weights(model)
    statistics = {name: b.clone() for name, b in model.named_buffers()}
    set_weights(model, weights)
    g, _ = gradient(model, batch)
    set_weights(model, own)
    for name, b in model.named_buffers():
        b.copy_(statistics[name])
    return g


def whole_gradient_at(model: nn.Module, weights: Vector, batches: list[Batch]) -> Vector:
    """The mean over all samples of the gradients at `weights`, each taken on its own batch."""
    total = [torch.zeros_like(w) for w in weights]
    samples = sum(len(y) for _, y in batches)
    for x, y in batches:
        g = gradient_at(model, weights, (x, y))
        total = [t + len(y) / samples * gi for t, gi in zip(total, g, strict=True)]
    return total


def get_weights(model: nn.Module) -> Vector:
    """A copy of the weights."""
    return [p.detach().clone() for p in model.parameters()]


def set_weights(model: nn.Module, weights: Vector) -> None:
    """Moves the model to `weights`."""
    with torch.no_grad():
        for p, w in zip(model.parameters(), weights, strict=True):
            p.copy_(w)


def step(optimizer: Optimizer, model: nn.Module, d: Vector) -> None:
    """Moves the model along d."""
    for p, di in zip(model.parameters(), d, strict=True):
        p.grad = di
    optimizer.step()
