"""Norm layers written out: the native values and gradients, and derivatives beyond."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vrtune.inits.smooth import WRITTEN_OUT, SmoothNorms

LAYERS = {
    "batch norm of features": (nn.BatchNorm1d(4), (6, 4)),
    "batch norm of channels": (nn.BatchNorm2d(4), (3, 4, 2, 2)),
    "batch norm without affine": (nn.BatchNorm1d(4, affine=False), (6, 4)),
    "layer norm": (nn.LayerNorm(4), (6, 4)),
    "layer norm over more": (nn.LayerNorm((3, 4)), (6, 3, 4)),
    "layer norm without affine": (nn.LayerNorm(4, elementwise_affine=False), (6, 4)),
    "group norm, one group": (nn.GroupNorm(1, 4), (3, 4, 2, 2)),
    "group norm, two groups": (nn.GroupNorm(2, 4), (3, 4, 2, 2)),
    "group norm without affine": (nn.GroupNorm(2, 4, affine=False), (3, 4, 2, 2)),
}


def build(name: str) -> tuple[nn.Module, torch.Tensor]:
    """The layer with weights that are not one, and an input off centre."""
    layer, shape = LAYERS[name]
    layer = layer.double().train()
    random = torch.Generator().manual_seed(0)
    for p in layer.parameters():
        p.data = 1 + torch.randn(p.shape, generator=random, dtype=torch.float64) / 3
    x = 2 + 3 * torch.randn(shape, generator=random, dtype=torch.float64)
    return layer, x.requires_grad_()


@pytest.mark.parametrize("name", LAYERS)
def test_equals_the_native_layer(name: str) -> None:
    """In value and in the first gradient, for the input and the layer's own parameters."""
    layer, x = build(name)
    results = []
    for smooth in (False, True):
        if smooth:
            with SmoothNorms():
                y = layer(x)
        else:
            y = layer(x)
        g = torch.autograd.grad((y * y.detach().sin()).sum(), [x, *layer.parameters()])
        results.append([y, *g])
    for native, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, native, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_has_a_second_and_a_third_derivative(name: str) -> None:
    layer, x = build(name)

    def f(x: torch.Tensor) -> torch.Tensor:
        with SmoothNorms():
            return layer(x).sin().sum()

    def squared_gradient(x: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(f(x), x, create_graph=True)[0].square().sum()

    assert torch.autograd.gradgradcheck(f, [x], atol=1e-6, rtol=1e-4)
    assert torch.autograd.gradgradcheck(squared_gradient, [x], atol=1e-5, rtol=1e-3)


def test_statistics_stay_as_they_are_inside_and_move_outside() -> None:
    layer, x = build("batch norm of channels")
    before = layer.running_mean.clone()
    with SmoothNorms():
        layer(x)
    assert torch.equal(layer.running_mean, before)
    layer(x)
    assert not torch.equal(layer.running_mean, before)


def test_eval_mode_is_refused() -> None:
    """It would be a wrong answer, not a slow one."""
    layer, x = build("batch norm of channels")
    with SmoothNorms(), pytest.raises(AssertionError, match="train mode"):
        layer.eval()(x)


def test_every_norm_the_models_use_is_written_out() -> None:
    functions = {nn.functional.batch_norm, nn.functional.group_norm, nn.functional.layer_norm}
    assert functions <= set(WRITTEN_OUT)
