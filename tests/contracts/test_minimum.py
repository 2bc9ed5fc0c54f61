"""Estimators and step rules reach the known minimum of a finite sum of quadratics."""

from __future__ import annotations

import pytest
import torch
from contracts.settings import OPTIMIZER_SETTINGS
from torch import Tensor

from vrtune import (
    MARS,
    SCSG,
    SGD,
    STORM,
    SVRG,
    AlphaSVRG,
    MARSApproximate,
    OptimalSVRG,
    Plain,
)
from vrtune.config import EstimatorSettings, OptimizerSettings
from vrtune.estimators import ESTIMATORS
from vrtune.lanes.rows import numbers
from vrtune.optimizers import OPTIMIZERS

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

    def distance(self, weights: Tensor) -> float:
        """Of the worst lane from its minimum."""
        return float((weights - self.minimum).norm(dim=1).max())


def hyperparameters(settings: EstimatorSettings | OptimizerSettings) -> dict[str, Tensor]:
    """The same settings in every lane."""
    return {
        name: torch.tensor([values] * LANES, dtype=torch.float64)
        for name, values in numbers(settings).items()
    }


def descend(
    estimator: EstimatorSettings,
    optimizer: OptimizerSettings,
    problem: LeastSquares,
    epochs: int,
    batch: int = BATCH,
) -> Tensor:
    """Where all lanes are after `epochs` passes with random batches; a snapshot each epoch."""
    weights = torch.zeros(LANES, SIZE, dtype=torch.float64)
    rows, everything = torch.arange(LANES), torch.arange(SAMPLES)
    estimate, rule = ESTIMATORS[estimator.kind](weights), OPTIMIZERS[optimizer.kind](weights)
    of_estimator, of_rule = hyperparameters(estimator), hyperparameters(optimizer)
    clock = {name: torch.zeros(LANES, 1, dtype=torch.float64) for name in ("epoch", "epochs")}
    clock["epochs"] += epochs
    estimate.admit(rows, weights)
    rule.admit(rows, of_rule)
    for epoch in range(epochs):
        clock["epoch"].fill_(epoch)
        estimate.snapshot(rows, weights, lambda at, rows: problem.gradient(at, everything))
        for index in torch.randperm(SAMPLES, generator=problem.random).split(batch):

            def gradient(*points: Tensor, index: Tensor = index) -> tuple[Tensor, ...]:
                return tuple(problem.gradient(at, index) for at in points)

            d, eta = estimate.estimate(weights, of_estimator | clock, gradient)
            rule.step(weights, d, of_rule["lr"] if eta is None else eta, of_rule)
    return weights


STEADY: dict[str, EstimatorSettings] = {
    "plain": Plain(),
    "svrg": SVRG(),
    "storm": STORM(k=1.0, w=10.0, c=10.0),
    "alpha_svrg": AlphaSVRG(alpha=0.75, decay=False),
    "optimal_svrg": OptimalSVRG(),
    "scsg": SCSG(),
    "mars": MARS(),
    "mars_approximate": MARSApproximate(),
}


@pytest.mark.parametrize("momentum", [0.0, 0.7])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_estimator_reaches_a_minimum_that_all_samples_share(kind: str, momentum: float) -> None:
    estimator = STEADY[kind]
    lr = None if estimator.sets_step_size else 0.03
    problem = LeastSquares(noise=0)
    weights = descend(estimator, SGD(lr=lr, momentum=momentum), problem, epochs=250)
    assert problem.distance(weights) < 1e-6


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_svrg_reaches_a_noisy_minimum_with_a_constant_step_and_sgd_does_not(
    momentum: float,
) -> None:
    """The point of variance reduction."""
    distance = {}
    for kind in ("plain", "svrg"):
        problem = LeastSquares(noise=1)
        weights = descend(STEADY[kind], SGD(lr=0.03, momentum=momentum), problem, epochs=250)
        distance[kind] = problem.distance(weights)
    assert distance["svrg"] < 1e-6
    assert distance["plain"] > 1e-2


def test_storm_comes_closer_to_a_noisy_minimum_than_without_its_correction() -> None:
    """a = 1 (c large) is plain SGD with the same step sizes."""
    distance = {}
    for c in (1.0, 1e12):
        problem = LeastSquares(noise=1)
        weights = descend(STORM(k=1.0, w=10.0, c=c), SGD(), problem, epochs=250)
        distance[c] = problem.distance(weights)
    assert distance[1.0] < 0.02
    assert distance[1.0] < distance[1e12] / 2


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_step_rule_reaches_the_minimum(kind: str) -> None:
    """In its plainest form, on the whole gradient."""
    problem = LeastSquares(noise=1)
    weights = descend(Plain(), OPTIMIZER_SETTINGS[kind][0], problem, epochs=2000, batch=SAMPLES)
    assert problem.distance(weights) < 1e-6
