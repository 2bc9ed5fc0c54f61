"""How large a model is, told before any is trained: what memory and the way to train depend on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

COUNTED = 2  # samples: batch norm needs two


@dataclass(frozen=True)
class Size:
    """Of a model, and of what a sample makes of it."""

    parameters: int
    kept: int  # bytes that a forward pass keeps for its backward pass, a sample
    products: float  # multiplications of a convolution or a linear layer, on average, a sample
    shapes: tuple[torch.Size, ...] = ()  # of its parameters
    fixed: int = 0  # bytes of its buffers
    unfolded: int = 0  # bytes of what such layers see, at every position, a sample


def size_of(module: nn.Module, shape: tuple[int, ...]) -> Size:
    """Counts what happens in a forward pass on samples of a shape.

    A real pass: one on the meta device imports PyTorch's compiler first.
    """
    kept = unfolded = 0
    products: list[int] = []

    def count(layer: nn.Module, inputs: object, output: object) -> None:
        nonlocal kept, unfolded
        if not isinstance(output, Tensor) or list(layer.children()):
            return
        kept += output.numel() * output.element_size()
        if isinstance(weight := getattr(layer, "weight", None), Tensor) and weight.dim() > 1:
            products.append(output.numel() * weight[0].numel())
            unfolded += products[-1] // len(weight) * output.element_size()

    module.train()
    for part in module.modules():
        part.register_forward_hook(count)
    with torch.no_grad():
        module(torch.zeros(COUNTED, *shape))
    return Size(
        parameters=sum(p.numel() for p in module.parameters()),
        kept=kept // COUNTED,
        products=sum(products) / COUNTED / max(1, len(products)),
        shapes=tuple(p.shape for p in module.parameters()),
        fixed=sum(b.numel() * b.element_size() for b in module.buffers()),
        unfolded=unfolded // COUNTED,
    )
