"""Writes down what an estimator saw and said while lanes train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from vrtune.lanes import Lanes


@dataclass(frozen=True)
class Seen:
    """One step: the weights before it [L, P], the direction [L, P], the step size [L, 1]."""

    weights: Tensor
    d: Tensor
    eta: Tensor | None


def watch(lanes: Lanes) -> list[Seen]:
    """Every step that `lanes` take from now on is added to the list returned."""
    seen: list[Seen] = []
    estimate = lanes.rows.estimator.estimate

    def watched(weights: Tensor, *rest: Any) -> tuple[Tensor, Tensor | None]:
        before = weights.clone()
        d, eta = estimate(weights, *rest)
        seen.append(Seen(before, d.clone(), None if eta is None else eta.clone()))
        return d, eta

    lanes.rows.estimator.estimate = watched  # type: ignore[method-assign, assignment]
    return seen
