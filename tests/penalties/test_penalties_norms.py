"""Norms of the weights against plain loops and PyTorch's own weight decay."""

from __future__ import annotations

import pytest
import torch
from contracts.settings import PENALTY_SETTINGS
from torch import Tensor

from vrtune import SGD, Adam, Norms, TrialConfig
from vrtune.penalties import Penalty
from vrtune.testing import contracts, problem
from vrtune.testing.units import every_setting_is_varied
from vrtune.units import OptimizerSettings, PenaltySettings

SHAPES = (torch.Size([3, 4]), torch.Size([4]), torch.Size([2, 2, 1]))
SIZE, STEPS = 12 + 4 + 4, 50

CONTRACTS = [
    *contracts(*PENALTY_SETTINGS["norms"]),
    *contracts(*PENALTY_SETTINGS["dropout"]),
]


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
def test_contracts(contract) -> None:
    contract()


def test_every_setting_is_varied() -> None:
    every_setting_is_varied(PENALTY_SETTINGS["norms"])


def made(*settings: PenaltySettings) -> tuple[Penalty, dict[str, Tensor]]:
    """A penalty with a lane for each of the settings."""
    penalty = settings[0].algorithm(**settings[0].words())
    penalty.shapes = SHAPES
    columns = [s.numbers() for s in settings]
    hp = {n: torch.tensor([c[n] for c in columns], dtype=torch.float64) for n in columns[0]}
    return penalty, hp


def weights(lanes: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(lanes, SIZE, generator=generator, dtype=torch.float64)


def by_loop(s: Norms, w: list[float], d: list[float], eta: float) -> list[float]:
    """One step w <- w - eta d with the penalty, number by number."""
    matrix = [len(shape) > 1 for shape in SHAPES for _ in range(shape.numel())]
    out = []
    for wi, di, is_matrix in zip(w, d, matrix, strict=True):
        on = is_matrix or not s.exempt
        sign = (wi > 0) - (wi < 0)
        if on and not s.decoupled:
            di = di + s.l1 * sign + s.l2 * wi
        if on and s.decoupled:
            wi = wi * (1 - eta * s.l2)
        wi = wi - eta * di
        if on and s.decoupled:
            wi = max(abs(wi) - eta * s.l1, 0.0) * ((wi > 0) - (wi < 0))
        out.append(wi)
    return out


def test_a_step_is_the_formula_lane_by_lane() -> None:
    settings = [
        Norms(l1=0.1, l2=0.3),
        Norms(l1=0.1, l2=0.3, exempt=False),
        Norms(l1=2.0, l2=0.5, decoupled=True),
        Norms(l1=2.0, decoupled=True, exempt=False),
        Norms(),
    ]
    penalty, hp = made(*settings)
    W = weights(len(settings))
    eta = torch.tensor([[0.1], [0.2], [0.3], [0.1], [0.2]], dtype=torch.float64)
    d = weights(len(settings)).flip(1)
    wanted = [
        by_loop(s, w, g, e)
        for s, w, g, e in zip(settings, W.tolist(), d.tolist(), eta[:, 0].tolist(), strict=True)
    ]
    direction = penalty.add(W, d, hp)
    penalty.decay(W, eta, hp)
    W.sub_(eta * direction)
    penalty.shrink(W, eta, hp)
    torch.testing.assert_close(W, torch.tensor(wanted, dtype=torch.float64), rtol=1e-12, atol=1e-14)
    assert (W[2, :12] == 0).any(), "the proximal step leaves exact zeros"
    assert (W[2, 12:16] != 0).all(), "biases are exempt"


def test_the_gradient_is_that_of_the_value() -> None:
    penalty, hp = made(Norms(l1=0.1, l2=0.3), Norms(l1=0.2, l2=0.1, exempt=False))
    W = weights(2).requires_grad_()
    (wanted,) = torch.autograd.grad(penalty.value(W, hp).sum(), W)
    found = penalty.add(W.detach(), torch.zeros_like(W), hp)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("decoupled", [False, True])
def test_l2_without_exemption_is_pytorchs_weight_decay(decoupled: bool) -> None:
    """Coupled that of SGD with momentum, decoupled that of AdamW: fifty steps."""
    rule: OptimizerSettings = SGD(lr=0.02, momentum=0.9)
    alone = torch.nn.Parameter(weights(1)[0])
    twin: torch.optim.Optimizer
    twin = torch.optim.SGD([alone], lr=0.02, momentum=0.9, weight_decay=0.3)
    if decoupled:
        rule, twin = Adam(lr=0.02), torch.optim.AdamW([alone], lr=0.02, weight_decay=0.3)
    penalty, hp = made(Norms(l2=0.3, decoupled=decoupled, exempt=False))
    W = weights(1)
    step = rule.algorithm(W, **rule.words())
    of_rule = {n: torch.tensor([v], dtype=torch.float64) for n, v in rule.numbers().items()}
    generator = torch.Generator().manual_seed(1)
    for _ in range(STEPS):
        g = torch.randn(SIZE, generator=generator, dtype=torch.float64)
        alone.grad = g.clone()
        twin.step()
        d = penalty.add(W, g.unsqueeze(0), hp)
        penalty.decay(W, of_rule["lr"], hp)
        step.step(W, d, of_rule["lr"], of_rule)
        penalty.shrink(W, of_rule["lr"], hp)
        torch.testing.assert_close(W[0], alone.detach(), rtol=1e-9, atol=1e-12)


def test_lanes_train_with_sparse_weights() -> None:
    """Exact zeros, the more the larger l1; biases stay."""
    configs = [
        TrialConfig(optimizer=SGD(lr=0.1), penalty=Norms(l1=l1, decoupled=True))
        for l1 in (0.0, 0.02, 100.0)
    ]
    lanes = problem.seat(configs, "none")
    for _ in range(3):
        lanes.train_epoch()
    views = lanes.rows.layout.views(lanes.rows.W).values()  # [L, *shape]
    matrices = torch.cat([v.flatten(1) for v in views if v.dim() > 2], 1)
    biases = torch.cat([v.flatten(1) for v in views if v.dim() == 2], 1)
    none, some, every = (matrices == 0).sum(1).tolist()
    assert none == 0 < some < every == matrices.shape[1]
    assert (biases != 0).all()
