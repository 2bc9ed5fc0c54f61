"""SCSG with SGD's steps, for any training loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from vrtune.estimators import scsg
from vrtune.optim.reduced import VarianceReduced
from vrtune.optim.told import made


class SCSG(VarianceReduced):
    """SVRG with snapshots over the next few batches, in place of the whole training set.

    d = g(w; B) - g(w~; B) + mu~,  mu~: the mean of g(w~; B) over `mega_batch` batches;
    then as torch.optim.SGD

    Take a snapshot over a list of the next batches and make a step on each of them; an epoch's last
    list may be shorter. Three gradient computations a step.

    Args:
        params: parameters, or groups of them.
        lr: step size.
        momentum: share of the last step that is kept.
        dampening: share of the estimate that momentum leaves out.
        weight_decay: adds weight_decay w to the estimate.
        nesterov: Nesterov's momentum.
        mega_batch: batches that a snapshot is taken over, and steps until the next is overdue.
        max_norm: the estimate is clipped to this norm.
        maximize: climbs instead.
        foreach: as in torch.optim.SGD.
        fused: as in torch.optim.SGD.

    Raises:
        UsageError: an argument is out of range.

    Example:
        >>> import torch
        >>> from vrtune.optim import SCSG
        >>> model, x, y = torch.nn.Linear(2, 1), torch.ones(16, 2), torch.ones(16, 1)
        >>> optimizer = SCSG(model.parameters(), lr=0.1, mega_batch=2)
        >>> def gradient(batch):
        ...     optimizer.zero_grad()
        ...     loss = torch.nn.functional.mse_loss(model(x[batch]), y[batch])
        ...     loss.backward()
        ...     return loss
        >>> batches = torch.arange(16).split(4)
        >>> for first in range(0, len(batches), 2):
        ...     few = batches[first : first + 2]
        ...     _ = optimizer.snapshot(few, gradient)
        ...     for batch in few:
        ...         _ = optimizer.step(lambda: gradient(batch))

    References: Lei & Jordan, AISTATS 2017; "streaming SVRG": Defazio & Bottou, NeurIPS 2019.
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
        mega_batch: int = 10,
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
            made(scsg.SCSG, mega_batch=mega_batch),
            max_norm=max_norm,
        )
