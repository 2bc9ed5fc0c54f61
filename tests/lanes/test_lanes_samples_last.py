"""Layers with samples last: PyTorch's values, by loops of our own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vrtune.lanes.samples_last import Average2, Convolution, MaxPool2d
from vrtune.models.pool import AveragePool2

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
def test_pooling_leaves_an_odd_row_and_column_out(sides: tuple[int, int]) -> None:
    x = drawn(4, LANES * 2, *sides)
    agree(Average2(AveragePool2())(x), F.avg_pool2d(x, 2), [x])
    agree(MaxPool2d(nn.MaxPool2d(2))(x), F.max_pool2d(x, 2), [x])
