"""VarianceReduced from plain data, as Hydra, jsonargparse and Lightning give it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch.optim import Optimizer

from vrtune.optim.reduced import VarianceReduced
from vrtune.units import EstimatorSettings


class Over(VarianceReduced):
    """Variance reduction over an optimizer that is made here, from parameters and what makes it.

    Args:
        params: parameters, or groups of them.
        base: makes an optimizer of them, such as partial(torch.optim.AdamW, lr=1e-3).
        estimator: this and what follows as in VarianceReduced.
        epochs: as there.
        steps_per_epoch: as there.
        plain_steps: as there.
        snapshot_every: as there.
        snapshots: as there.
        max_norm: as there.

    Raises:
        UsageError: base and estimator don't fit together, or an argument is missing.

    Example:
        >>> from functools import partial
        >>> import torch
        >>> from vrtune.optim import Over
        >>> model, adamw = torch.nn.Linear(2, 1), partial(torch.optim.AdamW, lr=1e-3)
        >>> Over(model.parameters(), adamw, {"kind": "svrg"}).snapshot_due
        True
    """

    def __init__(
        self,
        params: Iterable[Any],
        base: Callable[[Iterable[Any]], Optimizer],
        estimator: EstimatorSettings | dict[str, Any],
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        plain_steps: int = 0,
        snapshot_every: int | None = None,
        snapshots: int | None = None,
        max_norm: float | None = None,
    ) -> None:
        super().__init__(
            base(params),
            estimator,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            plain_steps=plain_steps,
            snapshot_every=snapshot_every,
            snapshots=snapshots,
            max_norm=max_norm,
        )
