"""Weights that are drawn anew: against torch.nn.init, lane by lane, and by their seeds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from contracts.settings import INIT_SETTINGS
from torch import Tensor, nn

from vrtune import SGD, He, Orthogonal, Sparse, TrialConfig, Uniform, Xavier
from vrtune.inits import Init
from vrtune.inits.redrawn import fans
from vrtune.optim.metainit import initialise
from vrtune.testing import problem
from vrtune.units import InitSettings

SHAPES = {"linear": (40, 60), "wide": (20, 300), "conv": (24, 10, 3, 5)}
REDRAWN = ["uniform", "xavier", "he", "orthogonal", "sparse"]
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)

he, xavier = nn.init.kaiming_normal_, nn.init.xavier_uniform_
TWINS: list[tuple[InitSettings, Callable[[Tensor], Any]]] = [
    (Uniform(), lambda p: nn.init.kaiming_uniform_(p, a=math.sqrt(5))),  # as torch.nn's layers do
    (Uniform(gain=2.0), lambda p: nn.init.uniform_(p, *bounds(2 / math.sqrt(p[0].numel())))),
    (Xavier(), xavier),
    (Xavier(gain=0.3), lambda p: xavier(p, gain=0.3)),
    (Xavier(distribution="normal"), nn.init.xavier_normal_),
    (He(), lambda p: he(p, nonlinearity="relu")),
    (He(fan="out"), lambda p: he(p, mode="fan_out", nonlinearity="relu")),
    (He(gain=1.0), lambda p: he(p, nonlinearity="linear")),
    (He(distribution="uniform"), lambda p: nn.init.kaiming_uniform_(p, nonlinearity="relu")),
    (Orthogonal(), nn.init.orthogonal_),
    (Orthogonal(gain=0.5), lambda p: nn.init.orthogonal_(p, gain=0.5)),
]


def bounds(b: float) -> tuple[float, float]:
    return -b, b


def drawn(settings: InitSettings, shape: tuple[int, ...], lanes: int = 20) -> Tensor:
    """Weights of so many lanes, each by its own seed."""
    algorithm: Init = settings.algorithm(**settings.words())
    algorithm.sources = [torch.Generator().manual_seed(seed) for seed in range(lanes)]
    p = torch.full((lanes, *shape), 7.0, dtype=torch.float64)
    hp = {name: p.new_tensor([value] * lanes) for name, value in settings.numbers().items()}
    algorithm.start([p], hp, never, never)
    return p


def never(*_: Any) -> Any:
    raise AssertionError("these inits ask for no losses")


@every_shape
@pytest.mark.parametrize(("settings", "twin"), TWINS, ids=[str(s) for s, _ in TWINS])
def test_moments_and_bounds_are_torchs(
    settings: InitSettings, twin: Callable, shape: tuple[int, ...]
) -> None:
    """Of 20 tensors of 2400 or more numbers each: moments of both agree to some four of their
    standard errors, extremes to 1 % where there are bounds."""
    torch.manual_seed(3)
    ours, theirs = drawn(settings, shape), torch.empty(20, *shape, dtype=torch.float64)
    for one in theirs:
        twin(one)
    n = ours.numel()
    assert float(ours.mean()) == pytest.approx(0, abs=4 * float(theirs.std()) / math.sqrt(n))
    assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=4 / math.sqrt(n))
    assert kurtosis(ours) == pytest.approx(kurtosis(theirs), abs=0.1)  # 1.8 uniform, 3 normal
    if kurtosis(theirs) < 2:
        assert float(ours.abs().max()) == pytest.approx(float(theirs.abs().max()), rel=0.01)


def kurtosis(p: Tensor) -> float:
    return float(p.pow(4).mean() / p.square().mean() ** 2)


@every_shape
def test_fans_are_torchs(shape: tuple[int, ...]) -> None:
    assert fans(torch.empty(3, *shape)) == nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


@every_shape
def test_orthogonal_is_exact(shape: tuple[int, ...]) -> None:
    for gain in (1.0, 1.7):
        for W in drawn(Orthogonal(gain=gain), shape, lanes=3).flatten(2):
            product = W @ W.T if len(W) <= W.shape[1] else W.T @ W
            wanted = gain**2 * torch.eye(len(product), dtype=torch.float64)
            torch.testing.assert_close(product, wanted, rtol=0, atol=1e-12)


def test_orthogonal_is_uniform_among_rotations() -> None:
    """Of 2x2 matrices both kinds are as likely, and angles are spread evenly: without the signs of
    R's diagonal they are not. Ten standard errors of 2000 lanes."""
    W = drawn(Orthogonal(), (2, 2), lanes=2000)
    assert float((torch.linalg.det(W) > 0).double().mean()) == pytest.approx(0.5, abs=0.06)
    angle = torch.atan2(W[:, 1, 0], W[:, 0, 0])
    for k in (1, 2):
        assert abs(float(torch.cos(k * angle).mean())) < 0.08
        assert abs(float(torch.sin(k * angle).mean())) < 0.08


@every_shape
@pytest.mark.parametrize("incoming", [1, 15, 1000])
def test_sparse_is_exact(shape: tuple[int, ...], incoming: int) -> None:
    """Each unit's connections, drawn among all of them."""
    p = drawn(Sparse(incoming=incoming, gain=0.5), shape).flatten(2)
    count = min(incoming, p.shape[2])
    assert ((p != 0).sum(2) == count).all()
    assert float(p[p != 0].std()) == pytest.approx(0.5, rel=0.15 if count == 1 else 0.05)
    if count < p.shape[2]:
        used = (p != 0).double().mean((0, 1))  # how often each connection is there
        assert float(used.min()) > 0 or count == 1
        assert not torch.equal(p[0, 0] != 0, p[0, 1] != 0)


def test_lanes_draw_by_their_stream_alone() -> None:
    """Trials on one fold start from common random numbers, another fold from others; the gain of
    each lane is its own; biases and norm layers stay."""
    gains = (1.0, 0.5, 1.0)
    configs = [TrialConfig(optimizer=SGD(lr=0.1), init=He(gain=g)) for g in gains]
    names = ["fold 0", "fold 0", "fold 1"]
    lanes = problem.seat(configs, "batch", names=names)
    plain = problem.seat([TrialConfig(optimizer=SGD(lr=0.1))] * 3, "batch", names=names)
    before = plain.rows.layout.views(plain.rows.W)
    for name, p in lanes.rows.layout.views(lanes.rows.W).items():
        if p.dim() > 2:
            torch.testing.assert_close(p[1], p[0] / 2, rtol=1e-12, atol=0)
            assert not torch.isclose(p[2], p[0]).any()
            assert not torch.isclose(p[0], before[name][0]).any()
        else:
            assert torch.equal(p, before[name]), name


@pytest.mark.parametrize("kind", REDRAWN)
def test_a_lane_is_the_same_alone_and_beside_others(kind: str) -> None:
    """Whoever comes beside it, in another group of words too, and whether lanes are fused."""
    settings = [TrialConfig(optimizer=SGD(lr=0.1), init=s) for s in INIT_SETTINGS[kind]]
    together = problem.seat(settings, fused=True).rows.W
    for row, config in enumerate(settings):
        alone = problem.seat([config], names=[("fold 0", "fold 1")[row % 2]])
        assert torch.equal(alone.rows.W[0], together[row])
        assert alone.seats[0].gradient_computations == 0


def test_on_a_plain_module_by_its_seed() -> None:
    """Whatever its outputs are; nothing else is drawn from, and norm layers stay."""
    for outputs in (1, 3):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5), nn.ReLU(), nn.Linear(5, outputs))
        model[0].requires_grad_(False)
        old = {name: p.detach().clone() for name, p in model.named_parameters()}
        state = torch.get_rng_state()
        found = initialise(model, (6,), {"kind": "orthogonal"}, seed=1)
        assert math.isnan(found.before)
        assert torch.equal(torch.get_rng_state(), state)
        moved = {n for n, p in model.named_parameters() if not torch.equal(p, old[n])}
        assert moved == {"3.weight"}
        first = model[3].weight.detach().clone()
        initialise(model, (6,), Orthogonal(), seed=2)
        assert not torch.equal(model[3].weight, first)
        initialise(model, (6,), Orthogonal(), seed=1)
        assert torch.equal(model[3].weight, first)


def test_an_init_that_asks_for_losses_after_all_is_told() -> None:
    class Liar(InitSettings):
        kind: Literal["liar"] = "liar"

    try:

        class LiarInit(Init):
            settings = Liar
            asks_for_losses = False

            def start(self, parameters: Any, hp: Any, losses: Any, probe: Any) -> None:
                probe(0)

        with pytest.raises(RuntimeError, match="liar says that it asks for no losses"):
            initialise(nn.Linear(2, 2), (2,), Liar())
    finally:
        InitSettings.enrolled.pop("liar", None)
