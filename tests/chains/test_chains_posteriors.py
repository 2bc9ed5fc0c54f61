"""SGLD and SGHMC are those of the package posteriors, given the same noise."""

from __future__ import annotations

import math
from unittest.mock import patch

import pytest
import torch
from torch import Tensor

from vrtune import SGHMC, SGLD
from vrtune.chains import Chain
from vrtune.chains.noise import normals
from vrtune.testing.units import KEY, SAMPLES, prepared

posteriors = pytest.importorskip("posteriors")
STEPS = 30


def log_posterior(w: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
    """-N (mean loss on a batch) - prior / 2 ||w||^2, of least squares."""
    loss = (batch @ w).square().mean() / 2 - w.sum()
    return -SAMPLES * loss - w.square().sum(), torch.zeros(0)


def batches() -> Tensor:
    return torch.randn(STEPS, 4, 7, generator=torch.Generator().manual_seed(0)).double()


def ours(settings: Chain) -> list[Tensor]:
    weights = torch.ones(1, 7).double()
    rule, hp = prepared([settings], weights)
    path = []
    for A in batches():
        d = ((A @ weights[0]) @ A / 4 - 1).unsqueeze(0)
        rule.step(weights, d, hp["lr"], hp)
        path.append(weights[0].clone())
    return path


def theirs(transform: object, **start: float) -> list[Tensor]:
    state, path, step = transform.init(torch.ones(7).double(), **start), [], 0  # type: ignore

    def noise(like: Tensor) -> Tensor:
        key = torch.tensor([KEY], dtype=torch.int32)
        return normals(key, torch.tensor([[step]]), like.unsqueeze(0))[0]

    with patch("torch.randn_like", noise):
        for step, A in enumerate(batches(), 1):  # noqa: B007
            state, _ = transform.update(state, A)  # type: ignore[attr-defined]
            path.append(state.params.clone())
    return path


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_sgld(temperature: float) -> None:
    mine = ours(SGLD(lr=0.05, temperature=temperature, prior_precision=2.0))
    twin = posteriors.sgmcmc.sgld.build(log_posterior, lr=0.05 / SAMPLES, temperature=temperature)
    torch.testing.assert_close(mine, theirs(twin), rtol=1e-12, atol=1e-12)


def test_sghmc() -> None:
    """Of the momentum, lr = sqrt(eta / N); friction = lr alpha."""
    mine = ours(SGHMC(lr=0.02, friction=0.3, explicit=True, prior_precision=2.0))
    lr = math.sqrt(0.02 / SAMPLES)
    twin = posteriors.sgmcmc.sghmc.build(log_posterior, lr=lr, alpha=0.3 / lr, momenta=0.0)
    torch.testing.assert_close(mine, theirs(twin), rtol=1e-10, atol=1e-12)
