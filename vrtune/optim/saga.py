"""SAGA with SGD's steps, for any training loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from vrtune.estimators import saga
from vrtune.optim.reduced import VarianceReduced


class SAGA(VarianceReduced):
    """SAGA over a fixed partition: the last gradient of each batch corrects the next one.

    d = g(w; B_j) - T_j + mean T,  then T_j <- g(w; B_j);  then as torch.optim.SGD

    One gradient computation a step and no passes, for the memory of a gradient a batch. Batches are
    the same in every epoch and have numbers, in whatever order they are visited.

    Args:
        params: parameters, or groups of them.
        lr: step size.
        momentum: share of the last step that is kept.
        dampening: share of the estimate that momentum leaves out.
        weight_decay: adds weight_decay w to the estimate.
        nesterov: Nesterov's momentum.
        plain_steps: steps of plain gradients before the table is begun.
        max_norm: the estimate is clipped to this norm.
        maximize: climbs instead.
        foreach: as in torch.optim.SGD.
        fused: as in torch.optim.SGD.

    Raises:
        UsageError: an argument is out of range.

    Example:
        >>> import torch
        >>> from vrtune.optim import SAGA
        >>> model, x, y = torch.nn.Linear(2, 1), torch.ones(8, 2), torch.ones(8, 1)
        >>> optimizer = SAGA(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
        >>> def gradient(batch):
        ...     optimizer.zero_grad()
        ...     loss = torch.nn.functional.mse_loss(model(x[batch]), y[batch])
        ...     loss.backward()
        ...     return loss
        >>> batches = torch.arange(8).split(4)
        >>> for epoch in range(2):
        ...     for j, batch in enumerate(batches):
        ...         _ = optimizer.step(lambda: gradient(batch), subset=j, samples=len(batch))

    References: Defazio, Bach & Lacoste-Julien, NeurIPS 2014; partitions: Gower et al. 2018.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        plain_steps: int = 0,
        max_norm: float | None = None,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
    ) -> None:
        sgd = torch.optim.SGD(
            params,
            lr,
            momentum,
            dampening,
            weight_decay,
            nesterov,
            maximize=maximize,
            foreach=foreach,
            fused=fused,
        )
        super().__init__(
            sgd,
            saga.SAGA(),
            plain_steps=plain_steps,
            max_norm=max_norm,
        )
