"""Average pooling over squares of four, which one thread computes faster as sums."""

from __future__ import annotations

import copy
from typing import TypeGuard

from torch import Tensor, nn


class AveragePool2(nn.Module):
    """The values of nn.AvgPool2d(2) up to rounding; an odd last row or column is left out."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., H, W] -> [..., H // 2, W // 2]."""
        h, w = x.shape[-2] // 2 * 2, x.shape[-1] // 2 * 2
        rows = x[..., 0:h:2, :w] + x[..., 1:h:2, :w]
        return (rows[..., ::2] + rows[..., 1::2]) / 4


def over_squares(layer: nn.Module | None) -> TypeGuard[nn.AvgPool2d]:
    """Whether a layer is nn.AvgPool2d(2), with nothing else set."""
    return (
        type(layer) is nn.AvgPool2d
        and layer.kernel_size in (2, (2, 2))
        and layer.stride in (2, (2, 2))
        and layer.padding in (0, (0, 0))
        and not layer.ceil_mode
        and layer.divisor_override is None
    )


def by_sums(module: nn.Module) -> nn.Module:
    """The module, or a copy of it that pools by `AveragePool2` where it pools over squares."""
    if not any(map(over_squares, module.modules())):
        return module
    module = copy.deepcopy(module)
    for parent in list(module.modules()):
        for at, layer in parent._modules.items():
            if over_squares(layer):
                parent._modules[at] = AveragePool2()
    return module
