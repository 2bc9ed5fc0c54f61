"""MARS with AdamW's steps, for any training loop: exact and approximate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import torch

from vrtune.estimators import mars
from vrtune.optim.reduced import VarianceReduced
from vrtune.optim.told import made


class _OverAdamW(VarianceReduced):
    """What both forms share: an estimate that AdamW steps along."""

    _estimator: ClassVar[type[mars.Corrected]]

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 3e-3,
        betas: tuple[float, float] = (0.95, 0.99),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        gamma: float = 0.025,
        clip: Literal["tensor", "model"] = "tensor",
        one_dimensional: Literal["plain", "corrected"] = "plain",
        max_norm: float | None = None,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
    ) -> None:
        adamw = torch.optim.AdamW(
            params,
            lr,
            (betas[0], betas[1]),
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            foreach=foreach,
            fused=fused,
        )
        estimator = made(
            self._estimator,
            gamma=gamma,
            beta1=betas[0],
            clip=clip,
            one_dimensional=one_dimensional,
        )
        super().__init__(adamw, estimator, max_norm=max_norm)


class MARS(_OverAdamW):
    """Corrects by the gradient one step back, scaled and clipped, and steps as AdamW.

    c = g_t + gamma beta1 / (1 - beta1) (g_t - g(w_{t-1}; B_t)),  d = c / max(1, ||c||)

    Two gradient computations a step. AdamW is blind to the scale of all gradients, but not to that
    of single ones: clipping is part of the method. The authors' code also gives tensors of one
    dimension other rates; here one AdamW moves all of them.

    Args:
        params: parameters, or groups of them.
        lr: step size.
        betas: decay of AdamW's means; the first one is the correction's too.
        eps: keeps the denominator off zero.
        weight_decay: shrinks the weights.
        amsgrad: takes the maximum of the second mean so far.
        gamma: strength of the correction, 0 (none) or more.
        clip: the norm is that of every tensor (the authors' code), or of the model (the paper).
        one_dimensional: biases and norm layers get plain gradients (the authors), or corrected.
        max_norm: the estimate is clipped to this norm.
        maximize: climbs instead.
        foreach: as in torch.optim.AdamW.
        fused: as in torch.optim.AdamW.

    Raises:
        UsageError: an argument is out of range.

    Example:
        >>> import torch
        >>> from vrtune.optim import MARS
        >>> model, x, y = torch.nn.Linear(2, 1), torch.ones(8, 2), torch.ones(8, 1)
        >>> optimizer = MARS(model.parameters())
        >>> def gradient(batch):
        ...     optimizer.zero_grad()
        ...     loss = torch.nn.functional.mse_loss(model(x[batch]), y[batch])
        ...     loss.backward()
        ...     return loss
        >>> for batch in torch.arange(8).split(4):
        ...     _ = optimizer.step(lambda: gradient(batch))

    References: Yuan et al., "MARS: Unleashing the Power of Variance Reduction for Training Large
    Models", 2024, Algorithms 1 and 2.
    """

    _estimator = mars.MARS


class MARSApproximate(_OverAdamW):
    """MARS at the cost of plain gradients: the last step's gradient is kept, not computed again.

    c = g_t + gamma beta1 / (1 - beta1) (g_t - g_{t-1}),  d = c / max(1, ||c||);  then as AdamW

    One gradient computation a step; the authors' default. Their first step corrects by g_0 = 0,
    here it is a plain one.

    Args:
        params: parameters, or groups of them.
        lr: step size.
        betas: decay of AdamW's means; the first one is the correction's too.
        eps: keeps the denominator off zero.
        weight_decay: shrinks the weights.
        amsgrad: takes the maximum of the second mean so far.
        gamma: strength of the correction, 0 (none) or more.
        clip: the norm is that of every tensor (the authors' code), or of the model (the paper).
        one_dimensional: biases and norm layers get plain gradients (the authors), or corrected.
        max_norm: the estimate is clipped to this norm.
        maximize: climbs instead.
        foreach: as in torch.optim.AdamW.
        fused: as in torch.optim.AdamW.

    Raises:
        UsageError: an argument is out of range.

    Example:
        >>> import torch
        >>> from vrtune.optim import MARSApproximate
        >>> model, x, y = torch.nn.Linear(2, 1), torch.ones(8, 2), torch.ones(8, 1)
        >>> optimizer = MARSApproximate(model.parameters())
        >>> def gradient(batch):
        ...     optimizer.zero_grad()
        ...     loss = torch.nn.functional.mse_loss(model(x[batch]), y[batch])
        ...     loss.backward()
        ...     return loss
        >>> for batch in torch.arange(8).split(4):
        ...     _ = optimizer.step(lambda: gradient(batch))

    References: Yuan et al., "MARS: Unleashing the Power of Variance Reduction for Training Large
    Models", 2024, section 3.2 ("MARS-approx").
    """

    _estimator = mars.MARSApproximate
