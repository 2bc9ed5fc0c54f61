"""What STORM promises: Algorithm 1 of the paper, its step size and its limits."""

from __future__ import annotations

import math

import pytest
import torch
from reference.gradients import gradient
from torch import Tensor

from vrtune import SGD, STORM, TrialConfig
from vrtune.estimators import Clock
from vrtune.lanes import Lanes
from vrtune.testing import problem
from vrtune.testing.spy import Seen, watch

EPOCHS = 2


def trained(*settings: STORM, fused: bool = False) -> tuple[Lanes, list[Seen]]:
    """Lanes after two epochs, and every step they took."""
    lanes = problem.seat([TrialConfig(estimator=s, optimizer=SGD()) for s in settings], fused=fused)
    seen = watch(lanes)
    for _ in range(EPOCHS):
        lanes.train_epoch()
    return lanes, seen


def own_gradients(lanes: Lanes, seen: list[Seen], row: int) -> list[Tensor]:
    """g(w_t; B_t) of every step as one vector, by an ordinary module."""
    module = problem.module_in(lanes, row)
    batches = [b for epoch in problem.epochs(lanes.seats[row].stream, EPOCHS) for b in epoch]
    out = []
    for batch, step in zip(batches, seen, strict=True):
        with torch.no_grad():
            torch.nn.utils.vector_to_parameters(step.weights[row], module.parameters())
        out.append(torch.cat([g.flatten() for g in gradient(module, batch)[0]]))
    return out


@pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
def test_with_a_of_one_it_is_plain_sgd(fused: bool) -> None:
    """c so large that a = 1: every direction is the batch's own gradient, w <- w - eta g."""
    lanes, seen = trained(STORM(k=0.3, c=1e9), STORM(k=0.1, c=1e9), fused=fused)
    for row in range(2):
        own = own_gradients(lanes, seen, row)
        w = seen[0].weights[row]
        for g, step in zip(own, seen, strict=True):
            torch.testing.assert_close(step.d[row], g, rtol=1e-11, atol=1e-13)
            torch.testing.assert_close(step.weights[row], w, rtol=1e-11, atol=1e-13)
            w = w - step.eta[row] * g
        torch.testing.assert_close(lanes.rows.W[row], w, rtol=1e-11, atol=1e-13)


def test_with_a_below_one_it_is_not_plain_sgd() -> None:
    lanes, seen = trained(STORM(k=0.3, c=0.1))
    own = own_gradients(lanes, seen, 0)
    assert all((step.d[0] - g).norm() > 1e-3 for step, g in zip(seen[1:], own[1:], strict=True))


def test_first_direction_is_the_first_gradient() -> None:
    """Also of a lane that comes later into a row that was used before."""
    lanes, seen = trained(STORM(c=0.0), STORM(c=2.0))
    for row in range(2):
        g = own_gradients(lanes, seen, row)[0]
        torch.testing.assert_close(seen[0].d[row], g, rtol=1e-11, atol=1e-13)
    lanes.refill([0], [problem.lane(lanes.seats[0].config, 0)])
    again = watch(lanes)
    lanes.train_epoch()
    torch.testing.assert_close(again[0].d[0], seen[0].d[0], rtol=1e-13, atol=0)


def test_step_size_follows_the_formula_with_the_norm_of_the_whole_gradient() -> None:
    """eta_t = k / (w + sum G^2)^{1/3}; a norm per tensor would give other step sizes."""
    settings = [STORM(k=0.3, w=0.5, c=2.0), STORM(k=0.1, w=0.01, c=30.0)]
    lanes, seen = trained(*settings)
    for row, s in enumerate(settings):
        total = 0.0
        for g, step in zip(own_gradients(lanes, seen, row), seen, strict=True):
            total += float(g.square().sum())
            assert float(step.eta[row]) == pytest.approx(s.k / (s.w + total) ** (1 / 3), rel=1e-10)


def test_hand_computed_steps() -> None:
    """Two steps on a one-dimensional problem with numbers that can be checked on paper."""
    weights = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    storm = STORM.algorithm(weights)
    storm.admit(torch.tensor([0]), weights)
    hp = {name: torch.tensor([[v]]).double() for name, v in {"k": 2, "w": 2, "c": 0.5}.items()}
    one = torch.ones(1, 1).double()
    clock = Clock(epoch=0 * one, epochs=one, factor=one)
    calls: list[list[list[float]]] = []

    def gradient_of(scale: float):
        def at(*points: Tensor) -> tuple[Tensor, ...]:
            calls.append([weights[0].tolist() for weights in points])
            return tuple(scale * weights for weights in points)

        return at

    d, eta = storm.estimate(weights, hp, clock, gradient_of(1.0))
    assert d.tolist() == [[3.0, 4.0]]
    assert float(eta) == pytest.approx(2 / 27 ** (1 / 3))  # G^2 = 9 + 16; 2 / 3
    weights = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    calls.clear()
    d, eta = storm.estimate(weights, hp, clock, gradient_of(2.0))
    a = 0.5 * (2 / 3) ** 2
    expected = [2 + (1 - a) * (3 - 6), 4 + (1 - a) * (4 - 8)]
    assert d[0].tolist() == pytest.approx(expected)
    assert float(eta) == pytest.approx(2 / math.cbrt(2 + 25 + 20))
    assert calls == [[[1.0, 2.0], [3.0, 4.0]]]
