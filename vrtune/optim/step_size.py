"""The step size where an estimator sets it, and the factor that a scheduler makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from vrtune.errors import UsageError
from vrtune.units import EstimatorSettings

Groups = list[dict[str, Any]]


def factor_of(groups: Groups, estimator: EstimatorSettings) -> float:
    """What schedulers have made of the step size so far. UsageError where it must be one number."""
    if not estimator.sets_step_size:
        first = groups[0]
        lr = float(first.get("lr", 1.0))
        started = float(first.get("initial_lr", lr))
        return lr / started if started else 1.0
    rates = {float(group["lr"]) for group in groups}
    if len(rates) > 1:
        raise UsageError(
            f"{estimator.kind} sets one step size for all weights: give every group the same lr"
        )
    return rates.pop()


@contextmanager
def sized(groups: Groups, eta: Tensor | None) -> Iterator[None]:
    """Inside, the step size is the estimator's eta [1, 1], if it has one, times what lr is."""
    if eta is None:
        yield
        return
    factors = [group["lr"] for group in groups]
    for group in groups:
        group["lr"] = group["lr"] * float(eta)
    try:
        yield
    finally:
        for group, factor in zip(groups, factors, strict=True):
            group["lr"] = factor
