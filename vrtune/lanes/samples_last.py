"""Fused lanes of few channels on a CPU: layers that keep samples last in memory, [C, H, W, B]."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from vrtune.lanes.convolution import Array, correlate, weight_gradient
from vrtune.lanes.gradients import Fused
from vrtune.models.pool import AveragePool2


class Convolution(Function):
    """y[o] = b[o] + sum_{c,i,j} w[o,c,i,j] x[c, . + i - p, . + j - p], at stride 1, for
    x [*, C, H, W, B], w [*, O, C, k, k] and b [*, O]; leading dimensions * are lanes."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, b: Tensor, p: int) -> Tensor:
        """y [*, O, H', W', B]."""
        lanes, (height, width, samples) = x.shape[:-4], x.shape[-3:]
        outputs, border = w.shape[-4], 2 * p - w.shape[-1] + 1
        y = x.new_empty(*lanes, outputs, height + border, width + border, samples)
        correlate(_array(_wide(x, p), 5), _array(w, 5), _array(b, 2), p, _array(y, 5))
        return y

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, w, _, ctx.p = inputs
        ctx.save_for_backward(x, w)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        """By x, which is a correlation of g with the kernel turned round; by w; by b."""
        x, w = ctx.saved_tensors
        g = g.contiguous()
        by_w, by_x = w.new_empty(w.shape), None
        weight_gradient(_array(_wide(x, ctx.p), 5), _array(g, 5), ctx.p, _array(by_w, 5))
        if ctx.needs_input_grad[0]:
            turned, p = w.transpose(-4, -3).flip(-1, -2), w.shape[-1] - 1 - ctx.p
            zero, by_x = w.new_zeros(*w.shape[:-4], w.shape[-3]), x.new_empty(x.shape)
            correlate(
                _array(_wide(g, p), 5), _array(turned, 5), _array(zero, 2), p, _array(by_x, 5)
            )
        return by_x, by_w, g.flatten(-3).sum(-1), None

    @staticmethod
    def vmap(info: Any, dims: tuple[Any, ...], *inputs: Any) -> tuple[Tensor, int]:
        """Lanes become a leading dimension of everything."""
        *tensors, p = inputs
        leading = [
            t.expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)
            for t, dim in zip(tensors, dims, strict=False)
        ]
        return Convolution.apply(*leading, p), 0


def _wide(x: Tensor, p: int) -> Tensor:
    """x with p columns of zeros on both sides."""
    return F.pad(x, (0, 0, p, p)) if p else x


def _array(t: Tensor, dims: int) -> Array:
    """The tensor's memory, all leading dimensions as one."""
    array: Array = t.detach().contiguous().reshape(-1, *t.shape[1 - dims :]).numpy()
    return array


class Conv2d(nn.Conv2d):
    """The same values; the output [B, C, H, W] lies in memory as [C, H, W, B]."""

    def forward(self, x: Tensor) -> Tensor:
        b = self.weight.new_zeros(len(self.weight)) if self.bias is None else self.bias
        # without gradients there is no vmap, and no need of what `apply` does for a backward pass
        convolve = Convolution.apply if torch.is_grad_enabled() else Convolution.forward
        y: Tensor = convolve(x.permute(1, 2, 3, 0), self.weight, b, int(self.padding[0]))
        return y.permute(3, 0, 1, 2)


class Average2(AveragePool2):
    """Samples stand where channels do, along which PyTorch's channels-last pooling is fast."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x.transpose(0, 1), 2).transpose(0, 1)


class MaxPool2d(nn.MaxPool2d):
    """As `Average2`."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(0, 1)).transpose(0, 1)


LAYERS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: Conv2d,
    AveragePool2: Average2,
    nn.MaxPool2d: MaxPool2d,
}


class Direct(Fused):
    """Fused, with layers that keep samples last. Derivatives of higher order come from the module's
    own layers."""

    def __init__(self, module: nn.Module, precision: str = "float32", threads: int = 1) -> None:
        super().__init__(_samples_last(module), precision, threads)
        self.original = module


def _samples_last(module: nn.Module) -> nn.Module:
    """A copy with such layers; names and parameters stay."""
    module = copy.deepcopy(module)
    for layer in module.modules():
        layer.__class__ = LAYERS.get(type(layer), type(layer))
    return module
