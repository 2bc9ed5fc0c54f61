"""Average pooling as sums: PyTorch's values, in place of what pools just so."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vrtune.gradients.cpu.pooling import AveragePool2, by_sums


@pytest.mark.parametrize("size", [(2, 2), (4, 6), (5, 4), (4, 5), (7, 9), (3, 2)])
def test_values_and_gradients_are_pytorchs(size: tuple[int, int]) -> None:
    x = torch.randn(3, 2, *size, dtype=torch.float64, requires_grad=True)
    results = []
    for layer in (AveragePool2(), nn.AvgPool2d(2)):
        y = layer(x)
        results.append((y, torch.autograd.grad((y * torch.sin(y.detach())).sum(), x)[0]))
    torch.testing.assert_close(results[0], results[1], rtol=1e-12, atol=1e-14)


def test_lanes_and_memory_in_any_order_are_welcome() -> None:
    x = torch.randn(2, 3, 4, 5, 6)
    fused = torch.func.vmap(AveragePool2())(x)
    for lane, y in zip(x, fused, strict=True):
        torch.testing.assert_close(y, nn.functional.avg_pool2d(lane, 2))
    strided = x[0].to(memory_format=torch.channels_last)
    torch.testing.assert_close(AveragePool2()(strided), nn.functional.avg_pool2d(x[0], 2))


def test_a_copy_pools_by_sums_and_keeps_its_parameters() -> None:
    shared = nn.AvgPool2d(2)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), shared, nn.Sequential(nn.AvgPool2d((2, 2)), shared))
    copied = by_sums(module)
    assert [type(layer) for layer in copied.modules() if not layer._modules] == [
        nn.Conv2d,
        *[AveragePool2] * 3,
    ]
    assert module[1] is module[2][1] is shared
    assert [*copied.state_dict()] == [*module.state_dict()]
    x = torch.randn(4, 1, 18, 18)
    torch.testing.assert_close(copied(x), module(x))


@pytest.mark.parametrize(
    "layer",
    [
        nn.AvgPool2d(3),
        nn.AvgPool2d(2, stride=1),
        nn.AvgPool2d(2, padding=1),
        nn.AvgPool2d(2, ceil_mode=True),
        nn.AvgPool2d(2, divisor_override=3),
        nn.AvgPool2d((2, 1)),
        nn.MaxPool2d(2),
    ],
)
def test_what_pools_otherwise_stays(layer: nn.Module) -> None:
    module = nn.Sequential(layer)
    assert by_sums(module) is module
