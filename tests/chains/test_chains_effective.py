"""The effective sample size against the known one of an autoregression."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vrtune.chains.effective import effective_samples


def autoregression(chains: int, n: int, phi: float) -> Tensor:
    """x_t = phi x_{t-1} + sqrt(1 - phi^2) noise, from its stationary distribution."""
    noise = torch.randn(chains, n, generator=torch.Generator().manual_seed(0)).double()
    x = noise.clone()
    for t in range(1, n):
        x[:, t] = phi * x[:, t - 1] + math.sqrt(1 - phi**2) * noise[:, t]
    return x


@pytest.mark.parametrize("chains", [1, 4])
@pytest.mark.parametrize("phi", [-0.5, 0.0, 0.5, 0.9])
def test_of_an_autoregression(phi: float, chains: int) -> None:
    """n (1 - phi) / (1 + phi); the estimate of so long a chain is good to 15 %."""
    found = effective_samples(autoregression(chains, 8000 // chains, phi))
    assert found == pytest.approx(8000 * (1 - phi) / (1 + phi), rel=0.15)


def test_chains_that_disagree_are_worth_little() -> None:
    x = autoregression(4, 1000, 0.0)
    found = effective_samples(x + 3 * torch.arange(4).unsqueeze(1))
    assert found is not None
    assert found < 20


def test_scale_and_place_do_not_matter() -> None:
    x = autoregression(2, 500, 0.5)
    assert effective_samples(1e-3 * x + 7) == pytest.approx(effective_samples(x), rel=1e-6)


@pytest.mark.parametrize(
    "x", [torch.randn(3, 3), torch.ones(2, 50), torch.full((2, 50), math.nan), torch.ones(1, 0)]
)
def test_of_what_says_nothing(x: Tensor) -> None:
    assert effective_samples(x) is None
