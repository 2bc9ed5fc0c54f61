"""Gradients of single samples: those of a loop over samples, on every oracle, in both ways."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from reference.singles import naive
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.gradients.choice import why_no_each
from vrtune.gradients.cpu.side_by_side import SideBySide, suits
from vrtune.gradients.each import FACTORED, VMAP, each, way_of
from vrtune.gradients.fused import Fused
from vrtune.gradients.keyed import KEY
from vrtune.gradients.layout import flatten
from vrtune.gradients.looped import Looped
from vrtune.gradients.oracle import Buffers, MeanLoss, Oracle, mean_cross_entropy
from vrtune.gradients.prepared import Habits, prepared
from vrtune.models import MODELS, build
from vrtune.objectives.objective import objective_of

LANES, BATCH, CLASSES = 2, 3, 4
Seated = tuple[nn.Module, Tensor, Buffers, Tensor, Tensor]
WAYS = [FACTORED, VMAP]
ORACLES = [Looped, Fused, SideBySide]


def seated(make: Callable[[], nn.Module], shape: tuple[int, ...], dtype: torch.dtype) -> Seated:
    """Lanes of different weights and keys, and a batch for each."""
    modules = []
    for seed in range(LANES):
        torch.manual_seed(seed)
        modules.append(prepared(make()).to(dtype).train())
    W = torch.stack([flatten(module) for module in modules])
    buffers = {n: torch.stack([b] * LANES) for n, b in modules[0].named_buffers()}
    if KEY in buffers:
        buffers[KEY] = torch.arange(2 * LANES, dtype=torch.int32).view(LANES, 2)
    x = torch.randn(LANES, BATCH, *shape, dtype=dtype)
    return modules[0], W, buffers, x, torch.randint(CLASSES, (LANES, BATCH))


def copies(buffers: Buffers) -> Buffers:
    return {name: b.clone() for name, b in buffers.items()}


def check(oracle: Oracle, way: str, lanes: Seated, *, loss: MeanLoss = mean_cross_entropy) -> None:
    """The loop's gradients and losses, whose means are the batch's; its buffers."""
    module, W, buffers, x, y = lanes
    found, usual = copies(buffers), copies(buffers)
    G, losses = each(oracle, way, W, found, x, y)
    assert G.shape == (LANES, BATCH, W.shape[1])
    alone = KEY not in buffers  # a sample alone would have the first one's mask
    wanted = naive(copy.deepcopy(module), W, buffers, x, y, loss, alone=alone)
    for a, b in [
        *zip((G, losses), wanted, strict=True),
        *zip((G.mean(1), losses.mean(1)), oracle.gradient(W, usual, x, y), strict=True),
    ]:
        assert off(a, b) < (1e-6 if W.dtype == torch.float32 else 1e-12)
    torch.testing.assert_close(found, usual)


def off(a: Tensor, b: Tensor) -> float:
    """The largest difference, of the largest number."""
    return float((a - b).abs().max() / b.abs().max().clamp(min=1e-30))


# ---- models ------------------------------------------------------------------------------------

SIDES = {
    "lenet": 12,
    "lenet-relu": 16,
    "densenet40": 8,
    "sixconv": 8,
}  # norms of few numbers are ill posed
LARGE = {"resnet50", "resnet101", "resnet110", "densenet169"}  # as their smaller kin


def of_model(model: str, norm: str, dtype: torch.dtype) -> Seated:
    shape = 2, SIDES.get(model, 5), SIDES.get(model, 5)
    return seated(lambda: build(model, shape, CLASSES, norm), shape, dtype)


FEW = [("softmax", "layer"), ("mlp", "none"), ("lenet", "layer"), ("sixconv", "none")]
REST = [(m, norm) for m in MODELS for norm in ("none", "layer") if (m, norm) not in FEW]


@pytest.mark.parametrize(
    ("model", "norm"),
    [*FEW, *(pytest.param(*one, marks=pytest.mark.slow) for one in REST if one[0] not in LARGE)],
)
def test_models(model: str, norm: str) -> None:
    for dtype in (torch.float32, torch.float64):
        lanes = of_model(model, norm, dtype)
        for make in ORACLES:
            if make is SideBySide and not suits(lanes[0]):
                continue
            for way in WAYS:
                check(make(copy.deepcopy(lanes[0])), way, lanes)
        assert way_of(make(lanes[0]) if suits(lanes[0]) else Looped(lanes[0]), ()) == FACTORED


def test_threads() -> None:
    lanes = of_model("lenet", "layer", torch.float32)
    module, *_ = lanes
    W, x, y = (torch.cat([t, t]) for t in (lanes[1], lanes[3], lanes[4]))
    for make in ORACLES:
        one, two = make(copy.deepcopy(module)), make(copy.deepcopy(module), threads=2)
        torch.testing.assert_close(two.each(W, {}, x, y), one.each(W, {}, x, y))


# ---- layers ------------------------------------------------------------------------------------

CONVOLUTIONS = {
    "stride": {"stride": (2, 1), "padding": (0, 1)},
    "dilation": {"dilation": 2, "padding": 2},
    "groups": {"groups": 2, "padding": 1},
    "no bias": {"bias": False},
    "same": {"padding": "same"},
    "circular": {"padding": 1, "padding_mode": "circular"},
    "depthwise": {"groups": 4},
}


def convolved(options: dict, side: int) -> nn.Module:
    layer = nn.Conv2d(4, 8, 3, **options)
    return nn.Sequential(layer, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.mark.parametrize("options", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolutions(options: dict) -> None:
    """Of large maps and of small ones, which a CPU computes otherwise."""
    for side in (5, 9):
        lanes = seated(lambda side=side: convolved(options, side), (4, side, side), torch.float64)  # type: ignore[misc]
        for make in (Looped, Fused):
            check(make(copy.deepcopy(lanes[0])), FACTORED, lanes)


class Tied(nn.Module):
    """A layer called twice, and one whose weight is another's."""

    def __init__(self) -> None:
        super().__init__()
        self.twice, self.first, self.last = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 5)
        self.last.weight = self.first.weight
        self.frozen = nn.Linear(5, 5)
        self.frozen.weight.requires_grad_(False)
        self.unused = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 5] -> [B, 5]."""
        x = self.last(self.first(self.twice(self.twice(x).tanh())).tanh())
        return self.frozen(x)


class Tokens(nn.Module):
    """Positions kept, and folded into the batch; layers that have no rule of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.along, self.slope = nn.Conv1d(3, 4, 2), nn.PReLU(4)
        self.embedding = nn.Embedding(7, 4)
        self.norm, self.linear, self.folded = nn.LayerNorm(4), nn.Linear(4, 6), nn.Linear(6, 4)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, 5] -> [B, 4]."""
        self.count.add_(1)  # type: ignore[operator]
        h = self.slope(self.along(x)) + self.embedding(x.abs().sum((1, 2)).long() % 7)[:, :, None]
        h = self.linear(self.norm(h.transpose(1, 2)))
        return self.folded(h.flatten(0, 1)).unflatten(0, (len(x), -1)).mean(1)


class Direct(nn.Module):
    """A weight that a layer has, used behind its back; factors don't know of it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 5] -> [B, 5]."""
        return self.linear(x) @ self.linear.weight


class Own(nn.Module):
    """A parameter of its own beside its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.scale = nn.Linear(5, 5), nn.Parameter(torch.ones(5))

    def forward(self, x: Tensor) -> Tensor:
        """[B, 5] -> [B, 5]."""
        return self.linear(x) * self.scale


class Mixing(nn.Module):
    """Samples that see each other."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 5] -> [B, 5]."""
        h: Tensor = self.linear(x)
        return (h - h.mean(0)).tanh()


class Seen(nn.Module):
    """Looks at a value: nothing that vmap can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 5] -> [B, 5]."""
        return self.linear(x) * (2 if float(x.sum()) == 0.5 else 1)


OWN = {
    "tied": (Tied, (5,), FACTORED),
    "tokens": (Tokens, (3, 5), FACTORED),
    "weight norm": (lambda: weight_norm(nn.Linear(5, 5)), (5,), VMAP),
    "direct": (Direct, (5,), VMAP),
    "own parameter": (Own, (5,), VMAP),
}


@pytest.mark.parametrize(("make", "shape", "way"), OWN.values(), ids=OWN)
def test_own_models(make: Callable[[], nn.Module], shape: tuple[int, ...], way: str) -> None:
    lanes = seated(make, shape, torch.float32)
    for oracle in (Looped(copy.deepcopy(lanes[0])), Fused(copy.deepcopy(lanes[0]))):
        assert way_of(oracle, shape) == way
        check(oracle, way, lanes)
    if make is not Tokens:  # PyTorch's PReLU can't be vmapped twice
        check(oracle, VMAP, lanes)


def test_model_that_vmap_cannot_follow() -> None:
    lanes = seated(Seen, (5,), torch.float32)
    oracle = Looped(copy.deepcopy(lanes[0]))
    assert way_of(oracle, (5,)) == FACTORED
    check(oracle, FACTORED, lanes)


# ---- dropout and losses ------------------------------------------------------------------------


def dropping() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3), nn.Dropout2d(0.5), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(36, 8), nn.Dropout(0.5), nn.Linear(8, CLASSES)),
    )


@pytest.mark.parametrize("way", WAYS)
def test_samples_have_the_batchs_dropout(way: str) -> None:
    lanes = seated(dropping, (2, 5, 5), torch.float64)
    for make in (Looped, Fused):
        check(make(copy.deepcopy(lanes[0])), way, lanes)
    lanes = seated(dropping, (2, 5, 5), torch.float32)
    check(SideBySide(copy.deepcopy(lanes[0])), way, lanes)


def test_random_numbers_outside_of_layers() -> None:
    """Factored: the batch is computed as it always is."""
    module = prepared(nn.Sequential(nn.Linear(5, 5), _Noise()), Habits(draws=True))
    W, x, y = flatten(module).repeat(2, 1), torch.randn(2, 3, 5), torch.randint(5, (2, 3))
    buffers = {KEY: torch.tensor([[1, 2], [3, 4]], dtype=torch.int32)}
    oracle = Looped(module)
    assert way_of(oracle, (5,)) == FACTORED
    wanted = oracle.gradient(W, buffers, x, y)
    found = oracle.each(W, buffers, x, y)
    torch.testing.assert_close([t.mean(1) for t in found], list(wanted))


class _Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        """x, and noise."""
        return x + torch.randn_like(x)


@pytest.mark.parametrize("way", WAYS)
def test_class_weights_multiply(way: str) -> None:
    y = torch.tensor([0, 0, 0, 1, 1, 2, 3])
    task = Task(class_weights="balanced", label_smoothing=0.1)
    loss = objective_of(task, y, CLASSES).mean
    lanes = seated(lambda: nn.Linear(5, CLASSES), (5,), torch.float32)
    check(Fused(lanes[0], mean_loss=loss), way, lanes, loss=loss)


@pytest.mark.parametrize("way", WAYS)
def test_targets_that_are_numbers(way: str) -> None:
    loss = objective_of(Task(loss="huber"), torch.randn(9), 1).mean
    module, W, buffers, x, _ = seated(lambda: nn.Linear(5, 1), (5,), torch.float32)
    lanes = module, W, buffers, x, torch.randn(LANES, BATCH)
    check(Looped(module, mean_loss=loss), way, lanes, loss=loss)


def test_bfloat16_is_near() -> None:
    module, W, buffers, x, y = seated(dropping, (2, 5, 5), torch.float32)
    wanted = Looped(copy.deepcopy(module)).each(W, buffers, x, y)[0]
    for make in (Looped, Fused):
        found = make(copy.deepcopy(module), "bfloat16").each(W, buffers, x, y)[0]
        assert found.dtype == torch.float32
        assert 0 < float((found - wanted).norm() / wanted.norm()) < 0.03  # 7 bits


# ---- factors -----------------------------------------------------------------------------------


@pytest.mark.parametrize("convolutions", [True, False])
def test_factors_say_the_same(*, convolutions: bool) -> None:
    """Of every oracle and block: A and dZ, and the rest whole, in the columns they name."""
    lanes = of_model("lenet", "layer", torch.float32)
    module, W, buffers, x, y = lanes
    G, losses = Looped(copy.deepcopy(module)).each(W, buffers, x, y)
    for make in ORACLES:
        oracle = make(copy.deepcopy(module))
        found = oracle.factors(W, buffers, x, y, convolutions=convolutions)
        rebuilt = torch.full_like(G, torch.nan)
        for layer in found.layers:
            weight = torch.einsum("rbto,rbti->rboi", layer.dZ, layer.A)
            rebuilt[..., layer.weight] = weight.flatten(2)
            assert layer.bias is not None
            rebuilt[..., layer.bias] = layer.dZ.sum(2)
        for name, g in found.rest.items():
            rebuilt[..., oracle.layout.columns[name]] = g.flatten(2)
        assert off(rebuilt, G) < 1e-6
        torch.testing.assert_close(found.losses, losses)
        names = [layer.name for layer in found.layers]
        linear = [f"classifier.{i}" for i in (0, 3, 6)]
        assert names == (["convolutions.0", "convolutions.4"] if convolutions else []) + linear
        assert oracle.factors(W, buffers, x, y, rest=False).rest == {}


def test_weights_used_twice_have_no_factors() -> None:
    module, W, buffers, x, y = seated(Tied, (5,), torch.float32)
    found = Looped(module).factors(W, buffers, x, y)
    assert found.layers == []
    assert found.rest.keys() == dict(module.named_parameters()).keys()
    G = Looped(module).each(W, buffers, x, y)[0]
    for name, g in found.rest.items():
        assert off(g.flatten(2), G[..., Looped(module).layout.columns[name]]) < 1e-6


# ---- refusals ----------------------------------------------------------------------------------


def test_batch_norm_is_refused() -> None:
    module, shape = build("lenet", (1, 12, 12), CLASSES, "batch"), (1, 12, 12)
    said = why_no_each(module, shape)
    assert said.startswith("batch norm (convolutions.1) mixes the samples of a batch")
    W, x, y = flatten(module)[None], torch.randn(1, 2, *shape), torch.zeros(1, 2, dtype=torch.int64)
    with pytest.raises(UsageError, match="mixes the samples"):
        Looped(module).each(W, {}, x, y)
    assert not why_no_each(build("lenet", shape, CLASSES, "layer"), shape)


def test_samples_that_see_each_other_are_refused() -> None:
    assert "a sample's outputs depend on that sample alone" in why_no_each(Mixing(), (5,))


# ---- opacus ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Full backward hook")
@pytest.mark.parametrize("model", ["lenet", "sixconv"])
def test_opacus_agrees(model: str) -> None:
    opacus = pytest.importorskip("opacus")
    module, W, buffers, x, y = of_model(model, "layer", torch.float32)
    G = Looped(copy.deepcopy(module)).each(W, buffers, x, y)[0]
    judge = opacus.GradSampleModule(copy.deepcopy(module), loss_reduction="sum")
    for row in range(LANES):
        torch.nn.utils.vector_to_parameters(W[row].clone(), judge.parameters())
        judge.zero_grad()
        torch.nn.functional.cross_entropy(judge(x[row]), y[row], reduction="sum").backward()
        theirs = torch.cat([p.grad_sample.flatten(1) for p in judge.parameters()], 1)
        torch.testing.assert_close(G[row], theirs, rtol=1e-4, atol=1e-6)  # float32
