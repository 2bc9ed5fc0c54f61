"""Layers for lanes side by side, of few channels; samples lie last in memory: [r C, H, W, B]."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from vrtune.gradients.cpu.convolution import Array, correlate, weight_gradient
from vrtune.gradients.cpu.layers import LaneLayer
from vrtune.gradients.cpu.pooling import over_squares
from vrtune.gradients.cpu.tanh import pooled_tanh, pooled_tanh_gradient, tanh


class Convolution(Function):
    """y[o] = b[o] + sum_{c,i,j} w[o,c,i,j] x[c, . + i - p, . + j - p] in every lane, at stride 1,
    for x [r, C, H, W, B], w [r, O, C, k, k] and b [r, O]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor, p: int) -> Tensor:
        """y [r, O, H', W', B]."""
        lanes, _, height, width, samples = x.shape
        border = 2 * p - w.shape[-1] + 1
        y = x.new_empty(lanes, w.shape[1], height + border, width + border, samples)
        wide = _wide(x, p)
        correlate(_array(wide), _array(w), _array(b), p, _array(y))
        ctx.save_for_backward(wide, w)
        ctx.p, ctx.shape = p, x.shape
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        """By x, which is a correlation of g with the kernel turned round; by w; by b."""
        wide, w = ctx.saved_tensors
        g = g.contiguous()
        by_x = by_w = by_b = None
        if ctx.needs_input_grad[1]:
            by_w, by_b = w.new_empty(w.shape), g.flatten(2).sum(-1)
            weight_gradient(_array(wide), _array(g), ctx.p, _array(by_w))
        if ctx.needs_input_grad[0]:
            turned, p = w.transpose(1, 2).flip(-1, -2), w.shape[-1] - 1 - ctx.p
            zero, by_x = w.new_zeros(turned.shape[:2]), g.new_empty(ctx.shape)
            correlate(_array(_wide(g, p)), _array(turned), _array(zero), p, _array(by_x))
        return by_x, by_w, by_b, None


class Tanh(Function):
    """y = tanh x, in the memory layout of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """y, of the shape of x."""
        y = torch.empty_like(x)
        tanh(_memory(_like(x, y)), _memory(y))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> Tensor:
        """g (1 - y^2)."""
        (y,) = ctx.saved_tensors
        by_x: Tensor = torch.ops.aten.tanh_backward(_like(g, y), y)
        return by_x


class PooledTanh(Function):
    """Means of y = tanh x over squares of four, for x [C, H, W, B]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """[C, H // 2, W // 2, B]."""
        channels, height, width, samples = x.shape
        kept = channels if ctx.needs_input_grad[0] else 1
        y = x.new_empty(kept, height, width, samples)
        out = x.new_empty(channels, height // 2, width // 2, samples)
        pooled_tanh(_rows(x), samples, _rows(y), _rows(out))
        ctx.save_for_backward(y)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> Tensor:
        """g / 4 (1 - y^2) in all four."""
        (y,) = ctx.saved_tensors
        by_x = torch.empty_like(y)
        pooled_tanh_gradient(_rows(g), y.shape[-1], _rows(y), _rows(by_x))
        return by_x


def _wide(x: Tensor, p: int) -> Tensor:
    """x with p columns of zeros on both sides."""
    return F.pad(x, (0, 0, p, p)) if p else x


def _array(t: Tensor) -> Array:
    """The tensor's memory."""
    array: Array = t.detach().contiguous().numpy()
    return array


def _rows(t: Tensor) -> Array:
    """Rows of all samples: [C, H, W B]."""
    return _array(t.flatten(2))


def _like(x: Tensor, y: Tensor) -> Tensor:
    """x in the memory layout of y."""
    return x if x.stride() == y.stride() else torch.empty_like(y).copy_(x)


def _memory(t: Tensor) -> Array:
    """The numbers of a tensor without gaps, in the order in which they lie in memory."""
    return _array(t.as_strided((t.numel(),), (1,)))


class Conv2d(LaneLayer):
    """The output [B, r O, H, W] lies in memory as [r O, H, W, B]."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__(layer)
        self.p = int(layer.padding[0])

    def forward(self, x: Tensor) -> Tensor:
        w = self.weight
        b = w.new_zeros(w.shape[:2]) if self.bias is None else self.bias
        x = x.permute(1, 2, 3, 0).unflatten(0, (len(w), -1))
        y: Tensor = Convolution.apply(x, w, b, self.p)
        return y.flatten(0, 1).permute(3, 0, 1, 2)


class Pool2d(LaneLayer):
    """Samples stand where channels do, along which PyTorch's channels-last pooling is fast."""

    def __init__(self, layer: nn.MaxPool2d | nn.AvgPool2d) -> None:
        super().__init__(layer)
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x.transpose(0, 1))
        return y.transpose(0, 1)


class TanhLayer(LaneLayer):
    """In any layout."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = Tanh.apply(x)
        return y


class TanhPoolLayer(LaneLayer):
    """In the convolutions' layout."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = PooledTanh.apply(x.permute(1, 2, 3, 0))
        return y.permute(3, 0, 1, 2)


LAYERS: dict[type[nn.Module], type[LaneLayer]] = {
    nn.Conv2d: Conv2d,
    nn.MaxPool2d: Pool2d,
    nn.AvgPool2d: Pool2d,
    nn.Tanh: TanhLayer,
}


def join_pooling(body: nn.Module) -> None:
    """tanh, and right after it pooling over squares of four, become one layer."""
    for parent in list(body.modules()):
        if type(parent).forward is not nn.Sequential.forward:  # one layer after the other
            continue
        for (at, layer), (after, pool) in pairwise(list(parent._modules.items())):
            if type(layer) is nn.Tanh and over_squares(pool):
                parent._modules[at] = TanhPoolLayer(layer)
                parent._modules[after] = nn.Identity()
