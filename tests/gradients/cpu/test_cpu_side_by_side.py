"""Fused lanes as channels: the values of looped lanes, without vmap."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from vrtune.gradients.choice import make_oracle
from vrtune.gradients.cpu.samples_last import TanhPoolLayer
from vrtune.gradients.cpu.side_by_side import SideBySide, suits
from vrtune.gradients.fused import Fused
from vrtune.gradients.layout import flatten
from vrtune.gradients.looped import Looped
from vrtune.gradients.oracle import Buffers, Oracle
from vrtune.gradients.prepared import prepared
from vrtune.models import MODELS, build

LANES = 3


def seated(
    model: str, norm: str, side: int, channels: int = 1
) -> tuple[nn.Module, Tensor, Buffers, Tensor, Tensor]:
    """Lanes of different weights, and a batch for each."""
    modules = []
    for seed in range(LANES):
        torch.manual_seed(seed)
        modules.append(prepared(build(model, (channels, side, side), 10, norm)))
    W = torch.stack([flatten(module) for module in modules])
    named = [dict(module.named_buffers()) for module in modules]
    buffers = {name: torch.stack([own[name] for own in named]) for name in named[0]}
    x, y = torch.randn(LANES, 8, channels, side, side), torch.randint(10, (LANES, 8))
    return modules[0], W, buffers, x, y


def compare(module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor) -> None:
    """Gradients, losses, outputs and statistics are those of looped lanes."""
    found: list[list[Tensor]] = []
    for make in (SideBySide, Looped):
        oracle: Oracle = make(module)
        own = {name: b.clone() for name, b in buffers.items()}
        gradients, losses = oracle.gradient(W, own, x, y)
        found.append([gradients, losses, oracle.logits(W, own, x), *own.values()])
    # float32; batch norm divides by the deviations of eight samples
    torch.testing.assert_close(*found, rtol=1e-3, atol=2e-5)


SUITED = [  # three channels, so that a lane's could mix with another's
    ("lenet", 14, 1),
    ("lenet", 32, 3),
    ("lenet-relu", 18, 1),
    ("lenet-relu", 32, 3),
    ("softmax", 5, 3),
    ("mlp", 5, 3),
    ("tabular", 5, 3),
]


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize(("model", "side", "channels"), SUITED)
def test_values_are_those_of_looped_lanes(model: str, side: int, channels: int, norm: str) -> None:
    compare(*seated(model, norm, side, channels))


@pytest.mark.parametrize("norm", ["none", "layer"])
@pytest.mark.parametrize(("model", "side"), [("lenet", 14), ("softmax", 8), ("mlp", 8)])
def test_company_changes_no_bit(model: str, side: int, norm: str) -> None:
    """So a trial's curve is the same whatever trains beside it, and can be replayed. Batch norm of
    a vector, and products of rows that memory does not align, round by their place."""
    module, W, buffers, x, y = seated(model, norm, side)
    many = [torch.cat([t, t, t]) for t in (W, x, y)]
    own = {name: b.clone() for name, b in buffers.items()}
    crowd = {name: torch.cat([b, b, b]) for name, b in buffers.items()}
    oracle = SideBySide(module)
    few, losses = oracle.gradient(W, own, x, y)
    found, more = oracle.gradient(many[0], crowd, *many[1:])
    for first in range(0, 3 * LANES, LANES):  # in the last rows, too
        rows = slice(first, first + LANES)
        assert torch.equal(found[rows], few)
        assert torch.equal(more[rows], losses)
        assert all(torch.equal(crowd[name][rows], b) for name, b in own.items())


def test_every_model_that_suits_is_tested_above() -> None:
    suited = {name for name in MODELS if suits(build(name, (3, 32, 32), 10, "none"))}
    assert suited == {model for model, _, _ in SUITED}


def test_a_layer_may_stand_in_several_places() -> None:
    def made() -> nn.Module:
        twice = nn.Linear(6, 6)
        return nn.Sequential(nn.Flatten(), twice, nn.ReLU(), twice, nn.Sequential(twice))

    modules = [made() for _ in range(LANES)]
    W = torch.stack([flatten(module) for module in modules])
    x, y = torch.randn(LANES, 8, 1, 2, 3), torch.randint(6, (LANES, 8))
    for lanes in (LANES, 1):
        compare(modules[0], W[-lanes:], {}, x[-lanes:], y[-lanes:])


@pytest.mark.parametrize("pool", [nn.AvgPool2d(2), nn.AvgPool2d(2, ceil_mode=True)])
@pytest.mark.parametrize("squash", [nn.Tanh(), nn.ReLU()])
def test_average_pooling_follows_whatever_it_likes(squash: nn.Module, pool: nn.Module) -> None:
    """tanh and pooling over squares are one loop; either may stand elsewhere, too."""

    def made() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 2, 3), squash, pool, pool, squash, nn.Flatten(), nn.Linear(8, 3)
        )

    torch.manual_seed(0)
    modules = [made() for _ in range(LANES)]
    W = torch.stack([flatten(module) for module in modules])
    compare(modules[0], W, {}, torch.randn(LANES, 8, 1, 10, 10), torch.randint(3, (LANES, 8)))
    joined = [type(layer) for layer in SideBySide(modules[0]).module.modules()]
    assert (TanhPoolLayer in joined) is (type(squash) is nn.Tanh and not pool.ceil_mode)


def test_layers_may_share_weights_and_miss_biases() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(6, 6, bias=False), nn.Linear(6, 6)
            self.second.weight = self.first.weight
            self.norm = nn.BatchNorm1d(6)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.norm(self.second(self.first(x.flatten(1)).relu()))
            return out

    modules = [Twice() for _ in range(LANES)]
    buffers = {
        name: torch.stack([dict(module.named_buffers())[name] for module in modules])
        for name, _ in modules[0].named_buffers()
    }
    W = torch.stack([flatten(module) for module in modules])
    x, y = torch.randn(LANES, 8, 1, 2, 3), torch.randint(6, (LANES, 8))
    compare(modules[0], W, buffers, x, y)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_lane_that_diverged_says_so_and_harms_no_other(value: float) -> None:
    module, W, _, x, y = seated("lenet", "none", 14)
    oracle = SideBySide(module)
    wanted, _ = oracle.gradient(W, {}, x, y)
    broken = W.clone()
    broken[1, 0] = value  # of the first convolution
    found, losses = oracle.gradient(broken, {}, x, y)
    assert losses.isnan().tolist() == [False, True, False]
    assert found[1].isnan().any()
    assert torch.equal(found[[0, 2]], wanted[[0, 2]])


@pytest.mark.parametrize("make", [SideBySide, Fused, Looped])
def test_threads_change_no_value(make: type[Oracle]) -> None:
    module, W, _, x, y = seated("lenet", "none", 14)
    W, x, y = torch.cat([W, 2 * W]), torch.cat([x, x]), torch.cat([y, y])  # three lanes a thread
    found = []
    for threads in (1, 2):
        oracle = make(module, threads=threads)
        assert len(oracle.modules) == threads
        oracle.gradient(W[:2], {}, x[:2], y[:2])  # copies are made of a module that was used, too
        oracle.use_threads(threads + 1)
        found.append([*oracle.gradient(W, {}, x, y), oracle.logits(W, {}, x)])
        oracle.use_threads(1)
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-8)


def test_losses_have_second_derivatives() -> None:
    """MetaInit differentiates a gradient's norm."""
    module, W, _, x, y = seated("lenet", "none", 14)
    found = []
    for make in (SideBySide, Fused):
        oracle = make(module)
        leaves = [v.clone().requires_grad_() for v in oracle.layout.views(W).values()]
        losses = oracle.losses(leaves, {}, x, y)
        first = torch.autograd.grad(losses.sum(), leaves, create_graph=True)
        norm = torch.stack([g.square().sum() for g in first]).sum()
        found.append(torch.autograd.grad(norm, leaves))
    torch.testing.assert_close(*found)


def test_only_networks_that_suit_are_trained_so() -> None:
    def made(model: str, *, precision: str = "float32", double: bool = False) -> type:
        module = build(model, (1, 16, 16), 10, "none")
        module = module.double() if double else module
        return type(make_oracle(module, fused=True, precision=precision, threads=1))

    assert made("lenet") is made("lenet-relu") is SideBySide
    assert made("lenet", precision="bfloat16") is made("lenet", double=True) is Fused
    assert made("softmax") is made("softmax", double=True) is SideBySide
    assert made("resnet18-small") is made("sixconv") is Fused


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, 3, stride=2),
        nn.Conv2d(4, 4, 3, groups=2),
        nn.Conv2d(4, 4, 3, dilation=2),
        nn.Conv2d(4, 4, (3, 1)),
        nn.Conv2d(4, 4, 3, padding="same"),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 17, 3),
        nn.BatchNorm2d(4, affine=False),
        nn.BatchNorm2d(4, momentum=None),
        nn.BatchNorm2d(4, track_running_stats=False),
        nn.GroupNorm(2, 4, affine=False),
        nn.LayerNorm((4, 5, 5)),
        nn.PReLU(4),
    ],
)
def test_a_layer_of_another_kind_makes_a_network_another(layer: nn.Module) -> None:
    assert suits(nn.Sequential(nn.Conv2d(4, 4, 3)))
    assert not suits(nn.Sequential(nn.Conv2d(4, 4, 3), layer))


def test_many_lanes_are_computed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    module, W, buffers, x, y = seated("lenet", "batch", 14)
    W, x, y = (t.repeat(3, *[1] * (t.ndim - 1))[:7] for t in (W, x, y))
    found = []
    for block, parts in ((7, [7]), (3, [2, 2, 3])):
        monkeypatch.setattr("vrtune.gradients.cpu.side_by_side.BLOCK", block)
        own = {name: b.repeat(3, *[1] * (b.ndim - 1))[:7].clone() for name, b in buffers.items()}
        oracle = SideBySide(module)
        assert [part.stop - part.start for part in oracle.blocks(7)] == parts
        found.append([*oracle.gradient(W, own, x, y), *own.values()])
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-7)  # of sums in another order
