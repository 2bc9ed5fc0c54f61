"""STORM, for any training loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from vrtune.estimators import storm
from vrtune.optim.reduced import VarianceReduced
from vrtune.optim.told import made


class STORM(VarianceReduced):
    """Momentum corrected by the gradient one step back: no snapshots, and its own step size.

    d <- g(w_t; B) + (1 - a) (d - g(w_{t-1}; B)),  w <- w - eta d
    eta = s k / (w + sum ||g||^2)^{1/3},  a = min(1, c eta^2)

    A scheduler moves the factor s, which is the lr of its groups. Two gradient computations a
    step. Over another optimizer: VarianceReduced(base with lr=1.0, vrtune.STORM()).

    Args:
        params: parameters, or groups of them.
        lr: the factor s on the step size, above 0.
        k: numerator of the step size, above 0.
        w: floor under the sum of squared gradient norms, above 0.
        c: a = min(1, c eta^2), 0 or more; a large one makes plain SGD.
        weight_decay: adds weight_decay w to the estimate.
        max_norm: the estimate is clipped to this norm.
        maximize: climbs instead.
        foreach: as in torch.optim.SGD.
        fused: as in torch.optim.SGD.

    Raises:
        UsageError: an argument is out of range.

    Example:
        >>> import torch
        >>> from vrtune.optim import STORM
        >>> model, x, y = torch.nn.Linear(2, 1), torch.ones(8, 2), torch.ones(8, 1)
        >>> optimizer = STORM(model.parameters())
        >>> def gradient(batch):
        ...     optimizer.zero_grad()
        ...     loss = torch.nn.functional.mse_loss(model(x[batch]), y[batch])
        ...     loss.backward()
        ...     return loss
        >>> for batch in torch.arange(8).split(4):
        ...     _ = optimizer.step(lambda: gradient(batch))

    References: Cutkosky & Orabona, NeurIPS 2019.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        k: float = 0.1,
        w: float = 0.1,
        c: float = 100.0,
        weight_decay: float = 0,
        *,
        max_norm: float | None = None,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
    ) -> None:
        sgd = torch.optim.SGD(
            params,
            lr=1.0,
            weight_decay=weight_decay,
            maximize=maximize,
            foreach=foreach,
            fused=fused,
        )
        super().__init__(sgd, made(storm.STORM, k=k, w=w, c=c), max_norm=max_norm)
        self.defaults["lr"] = lr
        for group in self.param_groups:
            group["lr"] = lr
