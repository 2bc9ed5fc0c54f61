"""SVRG with SGD's steps, for any training loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from vrtune.estimators import svrg
from vrtune.optim.reduced import VarianceReduced


class SVRG(VarianceReduced):
    """SVRG: a snapshot's whole gradient corrects every mini-batch gradient.

    d = g(w; B) - g(w~; B) + mu~,  mu~ = grad F(w~),  w~: the last snapshot;
    then as torch.optim.SGD

    Two gradient computations a step and one pass a snapshot; one an epoch is common in deep nets.
    The variance is small near the snapshot alone: take the next one before w has gone far.

    Args:
        params: parameters, or groups of them.
        lr: step size.
        momentum: share of the last step that is kept.
        dampening: share of the estimate that momentum leaves out.
        weight_decay: adds weight_decay w to the estimate.
        nesterov: Nesterov's momentum.
        snapshot_every: steps after which the next snapshot is overdue (default: never).
        plain_steps: steps of plain gradients before the first snapshot.
        max_norm: the estimate is clipped to this norm.
        maximize: climbs instead.
        foreach: as in torch.optim.SGD.
        fused: as in torch.optim.SGD.

    Raises:
        UsageError: an argument is out of range.

    Example:
        >>> import torch
        >>> from vrtune.optim import SVRG
        >>> model, x, y = torch.nn.Linear(2, 1), torch.ones(8, 2), torch.ones(8, 1)
        >>> optimizer = SVRG(model.parameters(), lr=0.1, momentum=0.9)
        >>> def gradient(batch):
        ...     optimizer.zero_grad()
        ...     loss = torch.nn.functional.mse_loss(model(x[batch]), y[batch])
        ...     loss.backward()
        ...     return loss
        >>> batches = torch.arange(8).split(4)
        >>> for epoch in range(2):
        ...     _ = optimizer.snapshot(batches, gradient)
        ...     for batch in batches:
        ...         _ = optimizer.step(lambda: gradient(batch))

    References: Johnson & Zhang, NeurIPS 2013; the late start: Defazio & Bottou, NeurIPS 2019.
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
        snapshot_every: int | None = None,
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
            svrg.SVRG(),
            plain_steps=plain_steps,
            snapshot_every=snapshot_every,
            max_norm=max_norm,
        )
