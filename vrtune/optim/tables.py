"""Tables of gradients over foreign loops: an entry a batch, which the loop gives a number."""

from __future__ import annotations

from typing import Any, NoReturn

import torch
from torch import Tensor

from vrtune.errors import UsageError, shown
from vrtune.estimators.base import BatchGradient, Estimator, TableGradient
from vrtune.units import EstimatorSettings


def check_table(estimator: EstimatorSettings) -> None:
    """UsageError if the table is of single samples, whose gradients no closure gives."""
    if estimator.of_samples:
        raise UsageError(
            f"{estimator!r} keeps gradients of single samples, and a closure gives that of a "
            'batch: set table="partition"'
        )


def in_table(
    settings: EstimatorSettings,
    algorithm: Estimator,
    gradient: BatchGradient,
    subset: int | None,
    samples: int,
) -> BatchGradient:
    """The gradient of a step's batch, as an estimator that keeps a table takes it: with the batch's
    number, for which there is room then."""
    if not settings.keeps_table:
        return gradient
    if not isinstance(subset, int) or subset < 0 or samples < 1:
        raise UsageError(
            f"{settings.kind} keeps the gradient of every batch: call step(closure, subset=j, "
            "samples=n) with the batch's number, from 0 on and the same in every epoch, and its "
            f"size (got subset={shown(subset)}, samples={shown(samples)})"
        )
    make_room(algorithm, subset + 1)
    at = torch.tensor([[subset]], device=algorithm.state["sum"].device)
    return TableGradient(gradient, samples, at, at, _no_samples, _no_samples)


def make_room(algorithm: Estimator, batches: int) -> None:
    """For so many batches, and as many again before it is to grow once more."""
    seen = algorithm.state.get("table seen")
    if seen is None or seen.shape[1] < batches:
        algorithm.room(0, batches if seen is None else 2 * batches, _no_samples)


def restore_room(algorithm: Estimator, saved: dict[str, Tensor]) -> None:
    """As much as a state that was saved has."""
    if "table seen" in saved:
        algorithm.room(0, saved["table seen"].shape[1], _no_samples)


def _no_samples(*_: Any) -> NoReturn:
    raise AssertionError("a partition asks for no gradients of samples")
