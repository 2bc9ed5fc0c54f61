"""The noise of chains: the right numbers, normal, and independent of one another."""

from __future__ import annotations

import math

import pytest
import torch
from reference.chains import normals as slow_normals

from vrtune.chains.noise import normals, uniforms

KEY = (123456789, -987654321)
LANES, WIDTH = 500, 801


def keys(lanes: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(-(2**31), 2**31, (lanes, 2), generator=generator).to(torch.int32)


def steps(lanes: int, step: int = 1) -> torch.Tensor:
    return torch.full((lanes, 1), step)


def drawn(step: int = 1, lanes: int = LANES, width: int = WIDTH) -> torch.Tensor:
    return normals(keys(lanes), steps(lanes, step), torch.empty(lanes, width).double())


@pytest.mark.parametrize("width", [1, 2, 7, 8])
@pytest.mark.parametrize("step", [1, 2, 10**6])
def test_equal_those_of_pythons_integers(step: int, width: int) -> None:
    key = torch.tensor([KEY], dtype=torch.int32)
    found = normals(key, steps(1, step), torch.empty(1, width).double())
    assert found[0].tolist() == pytest.approx(slow_normals(KEY, step, width), rel=1e-12, abs=1e-12)


def test_of_a_lane_whatever_is_beside_it() -> None:
    key, like = keys(4), torch.empty(4, 9)
    together = normals(key, steps(4), like)
    for row in range(4):
        alone = normals(key[row : row + 1], steps(1), like[:1])
        assert torch.equal(alone[0], together[row])


def test_moments_and_tails_are_those_of_normal_numbers() -> None:
    """Of 400,000: each within five standard errors."""
    z = drawn().flatten()
    n = len(z)
    moments = {1: (0.0, 1.0), 2: (1.0, 2.0), 3: (0.0, 15.0), 4: (3.0, 96.0)}
    for power, (mean, variance) in moments.items():
        assert float((z**power).mean()) == pytest.approx(mean, abs=5 * math.sqrt(variance / n))
    for bound in (0.5, 1.0, 2.0, 3.0, 4.0):
        p = math.erfc(bound / math.sqrt(2))
        error = 5 * math.sqrt(p * (1 - p) / n)
        assert float((z.abs() > bound).double().mean()) == pytest.approx(p, abs=error), bound
    assert float(drawn(lanes=1, width=10).abs().max()) < math.sqrt(2 * 24 * math.log(2))


def test_distribution_is_the_normal_one() -> None:
    """Kolmogorov and Smirnov's distance, whose 1.95 / sqrt(n) is passed once in 1,000 runs."""
    z = drawn().flatten().sort().values
    n = len(z)
    expected = torch.special.ndtr(z)
    above = torch.arange(1, n + 1) / n - expected
    assert float(torch.maximum(above, 1 / n - above).max()) < 1.95 / math.sqrt(n)


@pytest.mark.parametrize(
    "pair",
    [
        lambda: (drawn(1), drawn(2)),  # steps
        lambda: (drawn(1), drawn(1).roll(1, 0)),  # lanes
        lambda: (drawn(1)[:, 1:], drawn(1)[:, :-1]),  # coordinates
        lambda: (drawn(1)[:, :400], drawn(1)[:, 401:]),  # a pair's cosine and sine
    ],
    ids=["steps", "lanes", "coordinates", "pairs"],
)
def test_nothing_correlates(pair: object) -> None:
    """Neither the numbers nor their squares: within five standard errors."""
    x, y = (each.flatten() for each in pair())  # type: ignore[operator]
    error = 5 / math.sqrt(len(x))
    assert float((x * y).mean()) == pytest.approx(0, abs=error)
    assert float(((x**2 - 1) * (y**2 - 1)).mean()) == pytest.approx(0, abs=2 * error)


def test_keys_that_differ_in_a_bit_give_other_numbers() -> None:
    base = torch.tensor([KEY] * 64, dtype=torch.int32).view(torch.int64)
    flipped = base ^ (1 << torch.arange(64)).unsqueeze(1)
    like = torch.empty(64, 1000).double()
    x = normals(base.view(torch.int32), steps(64), like)
    y = normals(flipped.view(torch.int32), steps(64), like)
    assert float((x * y).mean(1).abs().max()) < 5 / math.sqrt(1000)


def test_uniform_numbers_are_uniform_and_independent_of_the_normal_ones() -> None:
    key, like = keys(50_000), torch.empty(50_000, 2).double()
    u, z = uniforms(key, steps(50_000), like)[:, 0], normals(key, steps(50_000), like)
    assert float(u.min()) > 0
    assert float(u.max()) <= 1
    assert float(u.mean()) == pytest.approx(0.5, abs=5 * math.sqrt(1 / 12 / 50_000))
    assert float(u.var()) == pytest.approx(1 / 12, abs=5 * math.sqrt(1 / 180 / 50_000))
    assert float((z * (u - 0.5).unsqueeze(1)).mean(0).abs().max()) < 5 / math.sqrt(12 * 50_000)
