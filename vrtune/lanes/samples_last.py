"""Layers for lanes side by side, of few channels; samples lie last in memory: [r C, H, W, B]."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from vrtune.lanes.convolution import Array, correlate, weight_gradient
from vrtune.lanes.layers import LaneLayer
from vrtune.models.pool import AveragePool2


class Convolution(Function):
    """y[o] = b[o] + sum_{c,i,j} w[o,c,i,j] x[c, . + i - p, . + j - p] in every lane, at stride 1,
    for x [r, C, H, W, B], w [r, O, C, k, k] and b [r, O]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor, p: int) -> Tensor:
        """y [r, O, H', W', B]."""
        ctx.save_for_backward(x, w)
        ctx.p = p
        lanes, _, height, width, samples = x.shape
        border = 2 * p - w.shape[-1] + 1
        y = x.new_empty(lanes, w.shape[1], height + border, width + border, samples)
        correlate(_array(_wide(x, p)), _array(w), _array(b), p, _array(y))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        """By x, which is a correlation of g with the kernel turned round; by w; by b."""
        x, w = ctx.saved_tensors
        g = g.contiguous()
        by_w, by_x = w.new_empty(w.shape), None
        weight_gradient(_array(_wide(x, ctx.p)), _array(g), ctx.p, _array(by_w))
        if ctx.needs_input_grad[0]:
            turned, p = w.transpose(1, 2).flip(-1, -2), w.shape[-1] - 1 - ctx.p
            zero, by_x = w.new_zeros(turned.shape[:2]), x.new_empty(x.shape)
            correlate(_array(_wide(g, p)), _array(turned), _array(zero), p, _array(by_x))
        return by_x, by_w, g.flatten(2).sum(-1), None


def _wide(x: Tensor, p: int) -> Tensor:
    """x with p columns of zeros on both sides."""
    return F.pad(x, (0, 0, p, p)) if p else x


def _array(t: Tensor) -> Array:
    """The tensor's memory."""
    array: Array = t.detach().contiguous().numpy()
    return array


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


class Average2(LaneLayer):
    """Samples stand where channels do, along which PyTorch's channels-last pooling is fast."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x.transpose(0, 1), 2).transpose(0, 1)


class MaxPool2d(LaneLayer):
    """As `Average2`."""

    def __init__(self, layer: nn.MaxPool2d) -> None:
        super().__init__(layer)
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x.transpose(0, 1))
        return y.transpose(0, 1)


LAYERS: dict[type[nn.Module], type[LaneLayer]] = {
    nn.Conv2d: Conv2d,
    AveragePool2: Average2,
    nn.MaxPool2d: MaxPool2d,
}
