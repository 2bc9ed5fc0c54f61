"""Estimators and step rules reach the known minimum of a finite sum of quadratics."""

from __future__ import annotations

from typing import Literal

import pytest
from contracts.settings import OPTIMIZER_SETTINGS

from vrtune import (
    MARS,
    SAG,
    SAGA,
    SCSG,
    SGD,
    STORM,
    SVRG,
    AlphaSVRG,
    Constant,
    Cosine,
    MARSApproximate,
    OptimalSVRG,
    Plain,
)
from vrtune.estimators import ESTIMATORS
from vrtune.optimizers import OPTIMIZERS
from vrtune.testing.quadratics import SAMPLES, LeastSquares, descend
from vrtune.trial_config import TrialConfig
from vrtune.units import EstimatorSettings

STEADY: dict[str, EstimatorSettings] = {
    "plain": Plain(),
    "svrg": SVRG(),
    "storm": STORM(k=1.0, w=10.0, c=10.0),
    "alpha_svrg": AlphaSVRG(alpha=0.75, decay=False),
    "optimal_svrg": OptimalSVRG(),
    "scsg": SCSG(),
    "saga": SAGA(),
    "sag": SAG(),
    "mars": MARS(),
    "mars_approximate": MARSApproximate(),
}
NORMALISED = {"rmsprop", "nadam", "lamb"}  # steps are as long near the minimum as elsewhere


@pytest.mark.parametrize("momentum", [0.0, pytest.param(0.7, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_estimator_reaches_a_minimum_that_all_samples_share(kind: str, momentum: float) -> None:
    estimator = STEADY[kind]
    lr = None if estimator.sets_step_size else 0.03
    config = TrialConfig(estimator=estimator, optimizer=SGD(lr=lr, momentum=momentum))
    problem = LeastSquares(noise=0)
    weights = descend(config, problem, epochs=250)
    assert problem.distance(weights) < 1e-6


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_svrg_reaches_a_noisy_minimum_with_a_constant_step_and_sgd_does_not(
    momentum: float,
) -> None:
    """The point of variance reduction."""
    distance = {}
    for kind in ("plain", "svrg"):
        problem = LeastSquares(noise=1)
        config = TrialConfig(estimator=STEADY[kind], optimizer=SGD(lr=0.03, momentum=momentum))
        weights = descend(config, problem, epochs=250)
        distance[kind] = problem.distance(weights)
    assert distance["svrg"] < 1e-6
    assert distance["plain"] > 1e-2


@pytest.mark.parametrize("table", ["partition", "naive", "factored", "svd"])
@pytest.mark.parametrize("kind", [SAGA, SAG])
def test_tables_reach_a_noisy_minimum_with_a_constant_step(
    kind: type[SAGA | SAG], table: Literal["partition", "naive", "factored", "svd"]
) -> None:
    """As SVRG does and SGD does not, with one gradient a step."""
    problem = LeastSquares(noise=1)
    config = TrialConfig(estimator=kind(table=table), optimizer=SGD(lr=0.03))
    assert problem.distance(descend(config, problem, epochs=250)) < 1e-6


def test_storm_comes_closer_to_a_noisy_minimum_than_without_its_correction() -> None:
    """a = 1 (c large) is plain SGD with the same step sizes."""
    distance = {}
    for c in (1.0, 1e12):
        problem = LeastSquares(noise=1)
        config = TrialConfig(estimator=STORM(k=1.0, w=10.0, c=c), optimizer=SGD())
        weights = descend(config, problem, epochs=250)
        distance[c] = problem.distance(weights)
    assert distance[1.0] < 0.02
    assert distance[1.0] < distance[1e12] / 2


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_step_rule_reaches_the_minimum(kind: str) -> None:
    """In its plainest form, on the whole gradient."""
    problem = LeastSquares(noise=1)
    schedule = Cosine() if kind in NORMALISED else Constant()
    config = TrialConfig(optimizer=OPTIMIZER_SETTINGS[kind][0], schedule=schedule)
    weights = descend(config, problem, epochs=2000, batch=SAMPLES)
    assert problem.distance(weights) < 1e-6
