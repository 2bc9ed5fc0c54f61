"""Gradients of single samples, one after another."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vrtune.gradients.layout import Layout
from vrtune.gradients.oracle import Buffers, MeanLoss, mean_cross_entropy

Found = tuple[Tensor, Tensor]


def rows_of(module: nn.Module, W: Tensor, buffers: Buffers) -> list[Callable[[Tensor], Tensor]]:
    """The module at every row, as a function of a batch."""

    def at(row: int) -> Callable[[Tensor], Tensor]:
        def outputs(x: Tensor) -> Tensor:
            for name, p in module.named_parameters():
                p.data = views[name][row]
            for name, b in module.named_buffers():
                b.data = buffers[name][row].clone()
            found: Tensor = module.train()(x)
            return found

        return outputs

    views = Layout(module).views(W)
    return [at(row) for row in range(len(W))]


def naive(
    module: nn.Module,
    W: Tensor,
    buffers: Buffers,
    x: Tensor,
    y: Tensor,
    mean_loss: MeanLoss = mean_cross_entropy,
    *,
    alone: bool = True,
) -> Found:
    """Gradients [r, B, P] and losses [r, B]: of batches of one sample or, not `alone`, of a whole
    batch's outputs, which have the batch's dropout."""
    G, losses = (
        torch.zeros(*y.shape, W.shape[1], dtype=W.dtype),
        torch.zeros(y.shape, dtype=W.dtype),
    )
    for row, outputs in enumerate(rows_of(module, W, buffers)):
        for i in range(y.shape[1]):
            z = outputs(x[row, i : i + 1]) if alone else outputs(x[row])[i : i + 1]
            loss = mean_loss(z.unsqueeze(0), y[row : row + 1, i : i + 1])[0]
            parameters = list(module.parameters())
            gradient = torch.autograd.grad(
                loss, parameters, allow_unused=True, materialize_grads=True
            )
            G[row, i] = torch.cat([g.flatten() for g in gradient])
            losses[row, i] = loss.detach()
    return G, losses
