"""alpha-SVRG with SGD's steps, for any training loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from vrtune.estimators import alpha_svrg
from vrtune.optim.reduced import VarianceReduced
from vrtune.optim.told import made


class AlphaSVRG(VarianceReduced):
    """SVRG with a coefficient on its correction, constant or falling.

    d = g(w; B) - alpha_t (g(w~; B) - mu~),  mu~ = grad F(w~),  w~: the last snapshot
    alpha_t = alpha (1 - i / I)  after snapshot i = 0 .. I of the run;  then as torch.optim.SGD

    The authors take a snapshot an epoch, with alpha 0.75 (small nets) or 0.5, over AdamW too:
    VarianceReduced(torch.optim.AdamW(...), vrtune.AlphaSVRG(), snapshots=epochs).

    Args:
        params: parameters, or groups of them.
        lr: step size.
        momentum: share of the last step that is kept.
        dampening: share of the estimate that momentum leaves out.
        weight_decay: adds weight_decay w to the estimate.
        nesterov: Nesterov's momentum.
        alpha: coefficient at the start, from 0 (plain gradients) to 1 (SVRG).
        decay: whether alpha falls linearly, to 0 at the run's last snapshot.
        snapshots: how many the run will take; decay needs it.
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
        >>> from vrtune.optim import AlphaSVRG
        >>> model, x, y = torch.nn.Linear(2, 1), torch.ones(8, 2), torch.ones(8, 1)
        >>> optimizer = AlphaSVRG(model.parameters(), lr=0.1, alpha=0.75, snapshots=2)
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

    References: Yin et al., "A Coefficient Makes SVRG Effective", ICLR 2025.
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
        alpha: float = 0.5,
        decay: bool = True,
        snapshots: int | None = None,
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
            made(alpha_svrg.AlphaSVRG, alpha=alpha, decay=decay),
            plain_steps=plain_steps,
            snapshot_every=snapshot_every,
            snapshots=snapshots,
            max_norm=max_norm,
        )
