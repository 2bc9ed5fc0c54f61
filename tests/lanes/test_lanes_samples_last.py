"""Fused lanes with samples last: PyTorch's values, by loops of our own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import vmap

from vrtune.lanes.gradients import Buffers, Fused, Looped, Oracle, make_oracle, narrow
from vrtune.lanes.rows import flatten
from vrtune.lanes.samples_last import Average2, Convolution, Direct
from vrtune.models import build

LANES = 3
# float64: sums of up to 200 products in another order
close = {"rtol": 1e-11, "atol": 1e-12}


def drawn(*shape: int) -> Tensor:
    """Normal numbers that have gradients."""
    return torch.randn(*shape, dtype=torch.float64).requires_grad_()


def agree(found: Tensor, wanted: Tensor, inputs: list[Tensor]) -> None:
    """Values, and gradients of a random linear function of them."""
    torch.testing.assert_close(found, wanted, **close)
    direction = torch.randn_like(wanted)
    ours = torch.autograd.grad(found, inputs, direction)
    torch.testing.assert_close(ours, torch.autograd.grad(wanted, inputs, direction), **close)


SHAPES = [
    (1, 0, 2, 4),
    (3, 1, 3, 5),
    (3, 0, 1, 1),
    (5, 2, 1, 6),
    (5, 0, 6, 16),
    (5, 4, 2, 3),
    (7, 3, 2, 2),
]


@pytest.mark.parametrize(("k", "p", "inputs", "outputs"), SHAPES)
def test_convolutions_of_lanes_are_pytorchs(k: int, p: int, inputs: int, outputs: int) -> None:
    torch.manual_seed(0)
    x, w = drawn(LANES, 4, inputs, 9, 8), drawn(LANES, outputs, inputs, k, k)
    b = drawn(LANES, outputs)

    def ours(xi: Tensor, wi: Tensor, bi: Tensor) -> Tensor:
        y: Tensor = Convolution.apply(xi.permute(1, 2, 3, 0), wi, bi, p)
        return y.permute(3, 0, 1, 2)

    every = zip(x, w, b, strict=True)
    wanted = torch.stack([F.conv2d(xi, wi, bi, padding=p) for xi, wi, bi in every])
    agree(vmap(ours)(x, w, b), wanted, [x, w, b])
    one = F.conv2d(x[0], w[0], b[0], padding=p)
    agree(ours(x[0], w[0], b[0]), one, [x, w, b])  # without lanes, too


@pytest.mark.parametrize("sides", [(6, 4), (7, 5), (2, 3)])
def test_pooling_leaves_an_odd_row_and_column_out(sides: tuple[int, int]) -> None:
    x = drawn(LANES, 4, 2, *sides)
    agree(vmap(Average2())(x), torch.stack([F.avg_pool2d(xi, 2) for xi in x]), [x])


def seated(model: str, norm: str, side: int) -> tuple[nn.Module, Tensor, Buffers, Tensor, Tensor]:
    """Lanes of different weights, and a batch for each."""
    modules = []
    for seed in range(LANES):
        torch.manual_seed(seed)
        modules.append(build(model, (1, side, side), 10, norm))
    W = torch.stack([flatten(module) for module in modules])
    named = [dict(module.named_buffers()) for module in modules]
    buffers = {name: torch.stack([own[name] for own in named]) for name in named[0]}
    x, y = torch.randn(LANES, 8, 1, side, side), torch.randint(10, (LANES, 8))
    return modules[0], W, buffers, x, y


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize(("model", "side"), [("lenet", 14), ("lenet-relu", 18)])
def test_gradients_outputs_and_statistics_are_those_of_looped_lanes(
    model: str, side: int, norm: str
) -> None:
    module, W, buffers, x, y = seated(model, norm, side)
    found: list[list[Tensor]] = []
    for make in (Direct, Looped):
        oracle: Oracle = make(module)
        own = {name: b.clone() for name, b in buffers.items()}
        gradients, losses = oracle.gradient(W, own, x, y)
        found.append([gradients, losses, oracle.logits(W, own, x), *own.values()])
    # float32; batch norm divides by the deviations of eight samples
    torch.testing.assert_close(*found, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_lane_that_diverged_says_so_and_harms_no_other(value: float) -> None:
    module, W, _, x, y = seated("lenet", "none", 14)
    oracle = Direct(module)
    wanted, _ = oracle.gradient(W, {}, x, y)
    broken = W.clone()
    broken[1, 0] = value  # of the first convolution
    found, losses = oracle.gradient(broken, {}, x, y)
    assert losses.isnan().tolist() == [False, True, False]
    assert found[1].isnan().any()
    assert torch.equal(found[[0, 2]], wanted[[0, 2]])


@pytest.mark.parametrize("make", [Direct, Fused, Looped])
def test_threads_change_no_value(make: type[Oracle]) -> None:
    module, W, _, x, y = seated("lenet", "none", 14)
    W, x, y = torch.cat([W, 2 * W]), torch.cat([x, x]), torch.cat([y, y])  # three lanes a thread
    found = []
    for threads in (1, 2):
        oracle = make(module, threads=threads)
        assert len(oracle.modules) == threads
        found.append([*oracle.gradient(W, {}, x, y), oracle.logits(W, {}, x)])
        oracle.share(1)
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-8)


def test_losses_have_second_derivatives() -> None:
    """MetaInit differentiates a gradient's norm."""
    module, W, _, x, y = seated("lenet", "none", 14)
    found = []
    for make in (Direct, Fused):
        oracle = make(module)
        leaves = [v.clone().requires_grad_() for v in oracle.layout.views(W).values()]
        losses = oracle.losses(leaves, {}, x, y)
        first = torch.autograd.grad(losses.sum(), leaves, create_graph=True)
        norm = torch.stack([g.square().sum() for g in first]).sum()
        found.append(torch.autograd.grad(norm, leaves))
    torch.testing.assert_close(*found)


def test_only_narrow_networks_are_trained_so() -> None:
    def made(model: str, *, precision: str = "float32", double: bool = False) -> type:
        module = build(model, (1, 16, 16), 10, "none")
        module = module.double() if double else module
        return type(make_oracle(module, fused=True, precision=precision, threads=1))

    assert made("lenet") is made("lenet-relu") is Direct
    assert made("lenet", precision="bfloat16") is made("lenet", double=True) is Fused
    assert made("softmax") is made("resnet18-small") is made("sixconv") is Fused


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
    ],
)
def test_a_layer_of_another_kind_makes_a_network_another(layer: nn.Conv2d) -> None:
    assert narrow(nn.Sequential(nn.Conv2d(4, 4, 3)))
    assert not narrow(nn.Sequential(nn.Conv2d(4, 4, 3), layer))
