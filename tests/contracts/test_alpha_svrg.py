"""alpha-SVRG's coefficient by epoch: the authors' schedule, which ends at 0."""

from __future__ import annotations

import pytest
import torch

from vrtune import SGD, SVRG, AlphaSVRG, TrialConfig
from vrtune.estimators.alpha_svrg import AlphaSVRGEstimator
from vrtune.estimators.base import Clock
from vrtune.testing import problem


def alphas(settings: AlphaSVRG, epochs: int) -> list[float]:
    """alpha_t of every epoch of a run, read off d = g - alpha_t (g~ - mu~) with g = mu~ = 0."""
    estimator = AlphaSVRGEstimator(torch.zeros(1, 1))
    hp = {name: torch.tensor([value]) for name, value in settings.numbers().items()}
    values = []
    for epoch in range(epochs):
        times = (torch.tensor([[float(t)]]) for t in (epoch, epochs, 1))
        (d, _) = estimator.estimate(
            torch.zeros(1, 1),
            hp,
            Clock(*times),
            lambda *_: (torch.zeros(1, 1), torch.ones(1, 1)),
        )
        values.append(-float(d))
    return values


@pytest.mark.parametrize(
    ("settings", "epochs", "wanted"),
    [
        (AlphaSVRG(), 5, [0.5, 0.375, 0.25, 0.125, 0.0]),  # np.linspace(0.5, 0, 5)
        (AlphaSVRG(), 2, [0.5, 0.0]),
        (AlphaSVRG(), 1, [0.5]),
        (AlphaSVRG(decay=False), 3, [0.5, 0.5, 0.5]),
        (AlphaSVRG(alpha=0.8, snapshot_period=2), 5, [0.8, 0.8, 0.4, 0.4, 0.0]),
        (AlphaSVRG(alpha=0.8, snapshot_period=2), 6, [0.8, 0.8, 0.4, 0.4, 0.0, 0.0]),
        (AlphaSVRG(snapshot_period=9), 3, [0.5, 0.5, 0.5]),  # the first snapshot is the last
        (AlphaSVRG(alpha=1.0, start_epoch=1), 4, [0.0, 1.0, 0.5, 0.0]),
        (AlphaSVRG(start_epoch=2), 3, [0.0, 0.0, 0.5]),
    ],
    ids=repr,
)
def test_alpha_falls_to_zero_at_the_last_snapshot(
    settings: AlphaSVRG, epochs: int, wanted: list[float]
) -> None:
    """In equal steps, and stays from a snapshot to the next."""
    assert alphas(settings, epochs) == pytest.approx(wanted, abs=1e-6)


def test_the_last_period_is_trained_by_plain_gradients() -> None:
    """And the first by SVRG's, with alpha 1; each from the same weights."""
    configs = [
        TrialConfig(estimator=estimator, optimizer=SGD(lr=0.1))
        for estimator in (AlphaSVRG(alpha=1.0), SVRG(snapshot_period=1))
    ]
    alpha, svrg = (problem.seat([config], names=["fold 0"]) for config in configs)
    for lanes in (alpha, svrg):
        lanes.train_epoch()
    torch.testing.assert_close(alpha.rows.W, svrg.rows.W, rtol=1e-12, atol=1e-14)
    while alpha.seats[0].epoch < problem.HORIZON - 1:
        alpha.train_epoch()
    plain = problem.seat([TrialConfig(optimizer=SGD(lr=0.1))], names=["fold 0"])
    plain.rows.W.copy_(alpha.rows.W)
    plain.seats[0].epoch = problem.HORIZON - 1
    for lanes in (alpha, plain):
        lanes.train_epoch()
    torch.testing.assert_close(alpha.rows.W, plain.rows.W, rtol=1e-12, atol=1e-14)
