"""alpha-SVRG with a measured coefficient and SGD's steps, for any training loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from vrtune.estimators import optimal_svrg
from vrtune.optim.reduced import VarianceReduced
from vrtune.optim.told import made


class OptimalSVRG(VarianceReduced):
    """SVRG with a coefficient that is measured for every coordinate on the way.

    d = g - A (g~ - mu~),  A = Cov(g~, g) / Var(g~),  g = g(w; B),  g~ = g(w~; B);
    then as torch.optim.SGD

    A comes from exponential means over the steps since the snapshot, so the estimate stays
    unbiased; it takes six times the weights in memory.

    Args:
        params: parameters, or groups of them.
        lr: step size.
        momentum: share of the last step that is kept.
        dampening: share of the estimate that momentum leaves out.
        weight_decay: adds weight_decay w to the estimate.
        nesterov: Nesterov's momentum.
        memory: weight of past steps in A, above 0 and below 1.
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
        >>> from vrtune.optim import OptimalSVRG
        >>> model, x, y = torch.nn.Linear(2, 1), torch.ones(8, 2), torch.ones(8, 1)
        >>> optimizer = OptimalSVRG(model.parameters(), lr=0.1)
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

    References: Yin et al., "A Coefficient Makes SVRG Effective", ICLR 2025, equation 6.
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
        memory: float = 0.95,
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
            made(optimal_svrg.OptimalSVRG, memory=memory),
            plain_steps=plain_steps,
            snapshot_every=snapshot_every,
            max_norm=max_norm,
        )
