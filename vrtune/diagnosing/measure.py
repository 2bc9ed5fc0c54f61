"""What an estimator's variance is, measured while lanes train and without a trace in them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vrtune.gradients.precision import computed_in
from vrtune.inits.metainit import gradient_quotient
from vrtune.lanes.initialise import noise, smooth_losses
from vrtune.lanes.step import batch_gradient
from vrtune.lanes.train import Lanes

NOISE_BATCHES = 5  # that a gradient quotient is the mean of


@dataclass(frozen=True)
class Measured:
    """At the weights of one moment, over the batches of a whole pass; every field is [L]."""

    variance: Tensor  # of the estimate: sum over coordinates
    gradient_variance: Tensor  # of g(w; B)
    gradient_norm: Tensor  # of the mean gradient
    distance: Tensor | None  # ||w - w~||
    curvature: Tensor | None  # ||grad F(w) - grad F(w~)|| / ||w - w~||


class _Spread:
    """Mean and variance of vectors [L, P], about the first so that equal ones have none."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, v: Tensor) -> None:
        if not self.count:
            self.first, self.sum = v.clone(), torch.zeros_like(v)
            exact = torch.float32 if v.device.type == "mps" else torch.float64  # which it lacks
            self.squares = v.new_zeros(len(v), dtype=exact)
        off = v - self.first
        self.sum += off
        self.squares += off.to(self.squares.dtype).square().sum(1)
        self.count += 1

    def variance(self) -> Tensor:
        """Unbiased, summed over coordinates, [L]."""
        mean = self.sum.to(self.squares.dtype) / self.count
        return (self.squares / self.count - mean.square().sum(1)) * self.count / (self.count - 1)


def measure(lanes: Lanes) -> Measured:
    """Draws the estimate for every batch of the epoch that trains, at the weights as they are.

    A short last batch counts for the mean gradient alone. Estimator state and batch-norm
    statistics are put back; tables, which may be large, are not written.
    """
    rows, estimator, batches = lanes.rows, lanes.estimator, lanes.batches
    writes = not estimator.settings.keeps_table
    saved = {name: value.clone() for name, value in estimator.state.items()} if writes else {}
    estimator.remembers = False
    estimates, gradients = _Spread(), _Spread()
    mean, seen = torch.zeros_like(rows.W), 0
    for index in batches:
        own: list[Tensor] = []
        gradient = batch_gradient(
            lanes.oracle,
            rows,
            batches,
            index,
            lambda g, losses, own=own: own.append(g.clone()),  # type: ignore[misc]
            frozen=True,
        )
        d, _ = estimator.estimate(rows.W, rows.hp["estimator"], rows.clock, gradient)
        mean += own[0] * index.shape[1]
        seen += index.shape[1]
        if index.shape[1] == lanes.batch_size:
            estimates.add(d)
            gradients.add(own[0])
        for name, value in saved.items():
            estimator.state[name].copy_(value)
    estimator.remembers = True
    mean /= seen
    distance = curvature = None
    if "snapshot" in saved:
        distance = (rows.W - saved["snapshot"]).norm(dim=1)
        if not any(lane.config.estimator.batches for lane in lanes.seats):
            curvature = (mean - saved["mu"]).norm(dim=1) / distance  # mu~ is of a whole pass
    return Measured(
        variance=estimates.variance(),
        gradient_variance=gradients.variance(),
        gradient_norm=mean.norm(dim=1),
        distance=distance,
        curvature=curvature,
    )


def quotient(lanes: Lanes, epsilon: float = 1e-5) -> Tensor:
    """The gradient quotient of every lane on noise, [L], as MetaInit lowers it."""
    views = lanes.rows.layout.views(lanes.rows.W)
    every = list(range(len(lanes.seats)))
    losses = smooth_losses(lanes, every)
    total = lanes.rows.W.new_zeros(len(every))
    for step in range(NOISE_BATCHES):
        leaves = [v.detach().clone().requires_grad_() for v in views.values()]
        streams = [lane.stream for lane in lanes.seats]
        x, y = noise(lanes, every, streams, -1 - step)  # none of MetaInit's
        eps = lanes.rows.W.new_full((len(every), 1), epsilon)
        with computed_in("float32", lanes.device):
            total += gradient_quotient(leaves, losses, x, y, eps).detach()
    return total / NOISE_BATCHES
