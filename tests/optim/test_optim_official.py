"""Against what the authors' code does, written down here as plain formulas on a few numbers.

github.com/AGI-Arena/MARS (optimizers/mars.py) and github.com/davidyyd/alpha-SVRG, as
docs/variance-reduction.md quotes them.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from vrtune import optim

BETA1, BETA2, GAMMA, EPS, LR, DECAY = 0.95, 0.99, 0.025, 1e-8, 3e-3, 0.1


def problem() -> tuple[nn.Parameter, list[Tensor], list[Tensor]]:
    """A matrix w, and batches of a quadratic loss |A w - b|^2 / 2 each."""
    drawn = torch.Generator().manual_seed(0)
    w = nn.Parameter(torch.randn(3, 2, generator=drawn, dtype=torch.float64))
    A = [torch.randn(3, 3, generator=drawn, dtype=torch.float64) for _ in range(5)]
    b = [torch.randn(3, 2, generator=drawn, dtype=torch.float64) for _ in range(5)]
    return w, A, b


def gradient_at(w: Tensor, A: Tensor, b: Tensor) -> Tensor:
    return A.T @ (A @ w - b)


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "approximate"])
def test_mars_on_matrices_is_the_authors(exact: bool) -> None:
    """mars-adamw; their approximate form corrects the first step by a gradient of zero before it,
    ours does not: their first c is g (1 + gamma beta1 / (1 - beta1)) before it is clipped."""
    w, A, b = problem()
    made = optim.MARS if exact else optim.MARSApproximate
    optimizer = made([w], lr=LR, weight_decay=DECAY)
    x, previous = w.detach().clone(), w.detach().clone()
    m, v, last = torch.zeros_like(x), torch.zeros_like(x), None
    clipped = 0
    for t, (At, bt) in enumerate(zip(A, b, strict=True), 1):

        def closure(At: Tensor = At, bt: Tensor = bt) -> Tensor:
            loss = (At @ w - bt).square().sum() / 2
            loss.backward()
            return loss

        optimizer.step(closure)
        g = gradient_at(x, At, bt)
        before = gradient_at(previous, At, bt) if exact else (g if last is None else last)
        c = g + GAMMA * BETA1 / (1 - BETA1) * (g - before)
        norm = float(c.norm())
        clipped += norm > 1
        c = c / norm if norm > 1 else c
        m = BETA1 * m + (1 - BETA1) * c
        v = BETA2 * v + (1 - BETA2) * c * c
        denominator = v.sqrt() / math.sqrt(1 - BETA2**t) + EPS
        previous, last = x, g
        x = x - LR * (DECAY * x + m / (denominator * (1 - BETA1**t)))
        torch.testing.assert_close(w.detach(), x, rtol=1e-12, atol=1e-12)
    assert clipped


def test_vectors_take_plain_gradients_in_both() -> None:
    """Theirs move by other rates besides, which ours leave out."""
    w = nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer, adamw = optim.MARS([w]), torch.optim.AdamW
    twin = nn.Parameter(w.detach().clone())
    plain = adamw([twin], lr=3e-3, betas=(0.95, 0.99), weight_decay=0.0)
    for scale in (1.0, 5.0, 2.0):
        for p, o in ((w, optimizer), (twin, plain)):

            def closure(p: nn.Parameter = p, scale: float = scale) -> Tensor:
                p.grad = None
                loss = scale * p.square().sum()
                loss.backward()
                return loss

            o.step(closure)
    assert torch.equal(w, twin)


def test_alpha_falls_linearly_over_the_snapshots_as_the_authors_schedule() -> None:
    """d = g - alpha (g~ - mu~): 0.75 at the first of four snapshots, 0 at the last."""
    w, A, b = problem()
    optimizer = optim.AlphaSVRG([w], lr=0.01, alpha=0.75, snapshots=4)

    def gradient(i: int) -> Tensor:
        loss = (A[i] @ w - b[i]).square().sum() / 2
        loss.backward()
        return loss

    for alpha in (0.75, 0.5, 0.25, 0.0):
        at = w.detach().clone()
        optimizer.snapshot(range(5), gradient)
        mu = torch.stack([gradient_at(at, A[i], b[i]) for i in range(5)]).mean(0)
        for i in range(5):
            here = w.detach().clone()
            optimizer.step(lambda i=i: gradient(i))
            d = gradient_at(here, A[i], b[i]) - alpha * (gradient_at(at, A[i], b[i]) - mu)
            torch.testing.assert_close(w.grad, d, rtol=1e-10, atol=1e-10)


def test_a_short_batch_counts_by_its_samples_where_theirs_counts_as_one() -> None:
    w = nn.Parameter(torch.zeros(1))
    batches = [torch.full((4,), 1.0), torch.full((1,), 6.0)]

    def gradient(x: Tensor) -> Tensor:
        loss = (x * w).mean()
        loss.backward()
        return loss

    mean = {}
    for name, given in (("samples", {}), ("batches", {"sizes": [1, 1]})):
        optimizer = optim.SVRG([w], lr=0.0)
        optimizer.snapshot(batches, gradient, **given)
        optimizer.step(lambda: gradient(batches[0]))
        mean[name] = w.grad.item()
    assert mean == {"samples": pytest.approx(2.0), "batches": pytest.approx(3.5)}
