"""Layers with samples last: PyTorch's values, by loops of our own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vrtune.gradients.cpu.samples_last import Convolution, Pool2d, Tanh, TanhPoolLayer

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
    for lanes in (LANES, 1):
        some = [t[:lanes].detach().requires_grad_() for t in (x, w, b)]
        y = Convolution.apply(some[0].permute(0, 2, 3, 4, 1), *some[1:], p)
        every = zip(*some, strict=True)
        wanted = torch.stack([F.conv2d(xi, wi, bi, padding=p) for xi, wi, bi in every])
        agree(y.permute(0, 4, 1, 2, 3), wanted, some)


@pytest.mark.parametrize("sides", [(6, 4), (7, 5), (2, 3)])
@pytest.mark.parametrize("layer", [nn.MaxPool2d(2), nn.AvgPool2d(2)])
def test_pooling_leaves_an_odd_row_and_column_out(
    layer: nn.MaxPool2d | nn.AvgPool2d, sides: tuple[int, int]
) -> None:
    x = drawn(4, LANES * 2, *sides)
    agree(Pool2d(layer)(x), layer(x), [x])


EDGES = [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e-30, 8.9, -9.1, 100.0]


def test_tanh_is_right_to_a_few_units_in_the_last_place() -> None:
    x = torch.cat([torch.linspace(-12, 12, 200_001), 1e-3 * torch.randn(999), torch.tensor(EDGES)])
    # a unit in the last place of float32 is at most 1.2e-7 of a value
    torch.testing.assert_close(
        Tanh.apply(x), x.double().tanh().float(), rtol=6e-7, atol=0, equal_nan=True
    )


def test_tanh_does_not_depend_on_what_stands_beside_it() -> None:
    """Lanes are parts of one array, whose ends a processor may compute in another way."""
    x = torch.randn(1001)
    alone = torch.cat([Tanh.apply(x[i : i + 1]) for i in range(len(x))])
    for first in range(40):
        assert torch.equal(Tanh.apply(x[first:]), alone[first:])


@pytest.mark.parametrize("layout", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_tanh_takes_any_layout(layout: tuple[int, int, int]) -> None:
    ours = torch.randn(5, 4, 3).permute(layout).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    for slices in (slice(None), slice(1, None, 2)):  # without gaps, and with
        direction = torch.randn_like(theirs[:, slices])
        found = Tanh.apply(ours[:, slices])
        wanted = theirs[:, slices].tanh()
        torch.testing.assert_close(found, wanted)
        torch.testing.assert_close(
            torch.autograd.grad(found, ours, direction),
            torch.autograd.grad(wanted, theirs, direction),
        )


@pytest.mark.parametrize("sides", [(6, 4), (7, 5), (2, 3), (12, 12)])
@pytest.mark.parametrize("samples", [1, 4, 33])
def test_pooled_tanh_is_both_layers(sides: tuple[int, int], samples: int) -> None:
    x = torch.randn(samples, LANES * 2, *sides).requires_grad_()
    found, wanted = TanhPoolLayer(nn.Tanh())(x), F.avg_pool2d(x.tanh(), 2)
    direction = torch.randn_like(wanted)
    # float32, of numbers below 1
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(
        torch.autograd.grad(found, x, direction),
        torch.autograd.grad(wanted, x, direction),
        rtol=1e-5,
        atol=1e-6,
    )


def test_pooled_tanh_keeps_what_is_not_a_number() -> None:
    x = torch.zeros(3, 2, 4, 4)
    x[1, 1, 2, 3] = float("nan")
    found = TanhPoolLayer(nn.Tanh())(x)
    assert found.isnan().nonzero().tolist() == [[1, 1, 1, 1]]
