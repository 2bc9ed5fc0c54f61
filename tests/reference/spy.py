"""Writes down what an estimator saw and said while lanes train."""

from __future__ import annotations

from dataclasses import dataclass

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

    def watched(*args, **kwargs):
        weights = args[0].clone()
        d, eta = estimate(*args, **kwargs)
        seen.append(Seen(weights, d.clone(), None if eta is None else eta.clone()))
        return d, eta

    lanes.rows.estimator.estimate = watched
    return seen
