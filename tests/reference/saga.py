"""SAGA (Defazio et al. 2014) and SAG (Schmidt et al. 2017): a dictionary of gradients, which knows
entries by what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from reference.gradients import Batch, Vector, get_weights, gradient, gradient_at, step
from torch import Tensor, nn
from torch.optim import Optimizer

Compress = Callable[[Tensor], Tensor]  # a gradient of one tensor, as the table keeps it


def best_of_rank(rank: int) -> Compress:
    """The nearest matrix of a rank, by the whole singular value decomposition."""

    def compressed(g: Tensor) -> Tensor:
        matrix = g.reshape(g.shape[0], -1)
        m, k = matrix.shape
        if g.dim() < 2 or rank * (m + k) >= m * k:
            return g
        U, S, Vh = torch.linalg.svd(matrix, full_matrices=False)
        return ((U[:, :rank] * S[:rank]) @ Vh[:rank]).reshape(g.shape)

    return compressed


def entries_of(batch: Batch, table: str) -> Iterator[tuple[bytes, Batch]]:
    """The batch itself, or one sample after another, by name."""
    x, y = batch
    if table == "partition":
        yield x.sum(0).numpy().round(6).tobytes(), batch  # in whatever order
        return
    for i in range(len(y)):
        yield x[i].numpy().tobytes(), (x[i : i + 1], y[i : i + 1])


def mean(vectors: list[Vector], weights: list[float]) -> Vector:
    """Weighted by samples."""
    total = sum(weights)
    return [
        sum(w / total * g for w, g in zip(weights, same, strict=True))
        for same in zip(*vectors, strict=True)
    ]


def train(
    model: nn.Module,
    epochs: list[list[Batch]],
    optimizer: Optimizer,
    table: str,
    rank: int,
    biased: bool = False,
) -> tuple[list[float], int]:
    """Trains `model`; returns each epoch's mean training loss and the gradients computed.

    `biased` is SAG. The epochs of a run must hold the same batches if the table is of a partition.
    """
    kept_as = best_of_rank(rank) if table == "svd" else lambda g: g
    T: dict[bytes, Vector] = {}
    size: dict[bytes, int] = {}
    losses, computed = [], 0
    for batches in epochs:
        total = 0.0
        for batch in batches:
            g, loss = gradient(model, batch)
            computed += 1
            total += loss * len(batch[1])
            fresh, d = {}, []
            known = mean([*T.values()], [size[name] for name in T]) if T else []
            for name, part in entries_of(batch, table):
                gi = g if table == "partition" else gradient_at(model, get_weights(model), part)
                fresh[name], size[name] = gi, len(part[1])
                if name not in T or biased:  # no control variate yet
                    d.append(gi)
                else:
                    d.append([a - b + c for a, b, c in zip(gi, T[name], known, strict=True)])
            direction = mean(d, [1.0] * len(d))
            if biased:
                with_fresh = T | fresh
                direction = mean([*with_fresh.values()], [size[name] for name in with_fresh])
            T |= {name: [kept_as(a) for a in gi] for name, gi in fresh.items()}
            step(optimizer, model, direction)
        losses.append(total / sum(len(y) for b in batches for y in [b[1]]))
    return losses, computed


def train_biased(
    model: nn.Module, epochs: list[list[Batch]], optimizer: Optimizer, table: str, rank: int
) -> tuple[list[float], int]:
    """SAG."""
    return train(model, epochs, optimizer, table, rank, biased=True)
