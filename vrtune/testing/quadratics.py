"""A finite sum of quadratics whose minimum is known, and a descent on it."""

from __future__ import annotations

import torch
from torch import Tensor

from vrtune.estimators import Clock, Factors, TableGradient
from vrtune.estimators.tables.factored import LinearFactors
from vrtune.lanes.rows import Program
from vrtune.testing.units import about
from vrtune.trial_config import TrialConfig
from vrtune.units import EstimatorSettings, OptimizerSettings

LANES, SAMPLES, BATCH, SIZE = 3, 40, 4, 5


class LeastSquares:
    """F(w) = 1/(2N) sum_i (a_i w - b_i)^2 for every lane, and its minimiser.

    With `noise` the samples disagree, so their gradients do not vanish at the minimum.
    """

    def __init__(self, noise: float) -> None:
        self.random = torch.Generator().manual_seed(3)
        self.A = self._normal(LANES, SAMPLES, SIZE)
        truth = self._normal(LANES, SIZE, 1)
        self.b = self.A @ truth + noise * self._normal(LANES, SAMPLES, 1)
        self.minimum = torch.linalg.lstsq(self.A, self.b).solution[:, :, 0]

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.random, dtype=torch.float64)

    def gradient(self, weights: Tensor, index: Tensor) -> Tensor:
        """The mean gradient over the samples `index`, [L, P]."""
        A, b = self.A[:, index], self.b[:, index]
        return ((A @ weights[:, :, None] - b) * A).mean(1)

    def each(self, weights: Tensor, index: Tensor) -> Tensor:
        """The gradients of the samples `index`, [L, B, P]."""
        A, b = self.A[:, index], self.b[:, index]
        return (A @ weights[:, :, None] - b) * A

    def factors(self, weights: Tensor, index: Tensor) -> Factors:
        """The same by factors, as of a linear layer with one output."""
        A, b = self.A[:, index], self.b[:, index]
        residual = A @ weights[:, :, None] - b
        layer = LinearFactors(slice(0, SIZE), None, A.unsqueeze(2), residual.unsqueeze(2))
        return Factors([layer], {})

    def batch(self, index: Tensor, number: int) -> TableGradient:
        """Gradients of the samples `index`, the batch of this number of a held partition."""

        def gradient(*points: Tensor) -> tuple[Tensor, ...]:
            return tuple(self.gradient(at, index) for at in points)

        return TableGradient(
            gradient,
            len(index),
            index.expand(LANES, -1),
            torch.full((LANES, 1), number),
            lambda weights: self.each(weights, index),
            lambda weights: self.factors(weights, index),
        )

    def distance(self, weights: Tensor) -> float:
        """Of the worst lane from its minimum."""
        return float((weights - self.minimum).norm(dim=1).max())


def hyperparameters(settings: EstimatorSettings | OptimizerSettings) -> dict[str, Tensor]:
    """The same settings in every lane."""
    return {
        name: torch.tensor([values] * LANES, dtype=torch.float64)
        for name, values in settings.numbers().items()
    }


def descend(config: TrialConfig, problem: LeastSquares, epochs: int, batch: int = BATCH) -> Tensor:
    """Where all lanes are after `epochs` passes with random batches; a snapshot each
    epoch, from which on the schedule's factor stays."""
    weights = torch.zeros(LANES, SIZE, dtype=torch.float64)
    rows, everything = torch.arange(LANES), torch.arange(SAMPLES)
    estimator, rule, _, _ = Program.of(config).make(weights)
    of_estimator, of_rule = hyperparameters(config.estimator), hyperparameters(config.optimizer)
    one = torch.ones(LANES, 1, dtype=torch.float64)
    clock = Clock(epoch=0 * one, epochs=epochs * one, factor=one)
    factors = config.schedule.factors(torch.arange(epochs, dtype=torch.float64), epochs)
    rule.shapes = (torch.Size([SIZE]),)
    rule.about = about(LANES, SAMPLES, epochs * -(-SAMPLES // batch), weights)
    rule.seat(range(LANES), [config.optimizer] * LANES)
    if config.estimator.keeps_table:
        estimator.room(SAMPLES, -(-SAMPLES // batch), lambda: problem.factors(weights, everything))
    estimator.admit(rows, weights)
    rule.admit(rows, of_rule)
    for epoch in range(epochs):
        clock.epoch.fill_(epoch)
        clock.factor.copy_(factors[epoch])
        estimator.snapshot(rows, weights, lambda at, rows: problem.gradient(at, everything))
        if epoch == 0 or not config.estimator.holds_partition:
            parts = torch.randperm(SAMPLES, generator=problem.random).split(batch)
            visits = [*range(len(parts))]
        else:
            visits = torch.randperm(len(parts), generator=problem.random).tolist()
        for number in visits:
            gradient = problem.batch(parts[number], number)
            d, eta = estimator.estimate(weights, of_estimator, clock, gradient)
            eta = of_rule["lr"] if eta is None else eta
            rule.step(weights, d, eta * clock.factor, of_rule)
    return weights
