"""Chains on the posterior of a logistic regression, against a long random walk in NumPy."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vrtune import MALA, SAGA, SGHMC, SGLD, SVRG, Plain, TrialConfig
from vrtune.lanes import Lane, Lanes, Stream
from vrtune.lanes.rows import Program
from vrtune.units import EstimatorSettings, OptimizerSettings

N, BATCH, CHAINS, PRIOR = 60, 10, 64, 2.0


@lru_cache
def data() -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 2))
    y = (rng.random(N) < 1 / (1 + np.exp(-(1.5 * x[:, 0] - x[:, 1])))).astype(int)
    return torch.from_numpy(x).view(N, 1, 1, 2), torch.from_numpy(y)


class Logistic(nn.Module):
    """Logits (0, w x): a posterior of two weights."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(2).double())

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, 1, 2] -> [B, 2]."""
        logit = x.flatten(1) @ self.w
        return torch.stack([0 * logit, logit], 1)


@lru_cache
def reference() -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance by Metropolis with normal proposals: 40 chains of 20,000 steps."""
    x, y = data()[0].view(N, 2).numpy(), data()[1].numpy()
    rng = np.random.default_rng(1)

    def log_p(w: np.ndarray) -> np.ndarray:
        logits = w @ x.T
        return (y * logits - np.logaddexp(0, logits)).sum(1) - PRIOR / 2 * (w**2).sum(1)

    w = rng.normal(size=(40, 2)) * 0.1 + [1.0, -0.7]
    now, kept = log_p(w), []
    for t in range(20_000):
        proposed = w + 0.5 * rng.normal(size=w.shape)
        then = log_p(proposed)
        accept = np.log(rng.random(len(w))) < then - now
        w = np.where(accept[:, None], proposed, w)
        now = np.where(accept, then, now)
        if t >= 200:
            kept.append(w)
    every = np.concatenate(kept)
    return every.mean(0), np.cov(every.T)


def chains_of(
    rule: OptimizerSettings, estimator: EstimatorSettings, epochs: int, batch: int = BATCH
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance over all samples of many chains of one setting, each a lane."""
    config = TrialConfig(estimator=estimator, optimizer=rule)
    lanes = Lanes(Logistic, data(), batch, Program.of(config), fused=True, epochs=epochs)
    every, one, zero = torch.arange(N), torch.ones(1).double(), torch.zeros(1).double()
    lanes.append(
        [Lane(0, config, Stream(f"seed {i}", 1, every, every, one, zero)) for i in range(CHAINS)]
    )
    for _ in range(epochs):
        lanes.train_epoch()
    samples = lanes.rows.optimizer.state["chain"].flatten(0, 1).numpy()
    assert len(samples) == CHAINS * rule.samples  # type: ignore[attr-defined]
    return samples.mean(0), np.cov(samples.T)


def close(
    found: tuple[np.ndarray, np.ndarray], of_mean: float = 0.1, of_covariance: float = 0.12
) -> None:
    """To the reference: means in posterior deviations, covariances in variances."""
    mean, covariance = reference()
    scale = np.sqrt(covariance.diagonal())
    assert np.abs((found[0] - mean) / scale).max() < of_mean
    assert np.abs((found[1] - covariance) / np.outer(scale, scale)).max() < of_covariance


GIVEN = {"prior_precision": PRIOR, "samples": 40, "burn_in": 0.2}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "estimator"),
    [
        (MALA(lr=1.0, **GIVEN), Plain()),
        (MALA(lr=1.0, **GIVEN), SVRG(snapshot_period=4)),
        (MALA(lr=1.0, **GIVEN), SAGA()),
        (SGLD(lr=0.1, **GIVEN), Plain()),
        (SGLD(lr=0.1, **GIVEN), SVRG()),
        (SGLD(lr=0.1, **GIVEN), SAGA()),
        (SGHMC(lr=0.02, friction=0.2, **GIVEN), Plain()),
        (SGHMC(lr=0.02, friction=0.2, **GIVEN), SVRG()),
        (SGHMC(lr=0.02, friction=0.2, **GIVEN), SAGA()),
    ],
    ids=lambda unit: unit.kind,
)
def test_chains_have_the_posterior(rule: OptimizerSettings, estimator: EstimatorSettings) -> None:
    """About 1,500 independent samples: three standard errors are 0.08 of a deviation, and 0.11 of a
    variance. Steps so small leave errors below that."""
    close(chains_of(rule, estimator, epochs=120))


@pytest.mark.slow
def test_reduced_noise_takes_the_heat_out_of_sgld() -> None:
    """At a large step with two samples a batch, plain gradients double the posterior's variance;
    SVRG's and SAGA's do not."""
    _, covariance = reference()
    excess = {}
    for estimator in (Plain(), SVRG(), SAGA()):
        found = chains_of(SGLD(lr=1.0, **GIVEN), estimator, epochs=30, batch=2)[1]
        excess[estimator.kind] = float(np.trace(found) / np.trace(covariance)) - 1
    assert excess["plain"] > 0.6
    assert abs(excess["svrg"]) < excess["plain"] / 3
    assert abs(excess["saga"]) < excess["plain"] / 3


def test_mala_on_a_few_chains() -> None:
    """The same in a moment, to what so few samples tell."""
    mean, covariance = chains_of(MALA(lr=1.0, **GIVEN), Plain(), epochs=12)
    assert 0.5 < float(mean[0]) < 1.8
    assert -1.3 < float(mean[1]) < -0.2
    assert 0.03 < float(np.trace(covariance)) < 0.6
