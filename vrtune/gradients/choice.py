"""Which oracle computes a module's gradients, and which way is the faster one: a rule, as two runs
that measured it could choose differently."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vrtune.gradients.fused import Fused
from vrtune.gradients.layout import flatten
from vrtune.gradients.looped import Looped
from vrtune.gradients.oracle import MeanLoss, Oracle, mean_cross_entropy

# Multiplications of a layer with a batch, on average, up to which one call for all lanes is faster.
# It saves calls; where each has much to do, they cost nothing (docs/performance.md).
LINEAR = 3e5  # on a CPU, of nets without convolutions
GROUPED = 1.2e7  # on a CPU, of nets whose lanes are no channels side by side
CUDA = 1e8


def make_oracle(
    module: nn.Module,
    *,
    fused: bool,
    precision: str,
    threads: int,
    mean_loss: MeanLoss = mean_cross_entropy,
) -> Oracle:
    """The oracle of a process. What only a CPU needs is imported on a CPU alone."""
    way: type[Oracle] = Fused if fused else Looped
    if next(module.parameters()).device.type == "cpu":
        from vrtune.gradients.cpu.pooling import by_sums
        from vrtune.gradients.cpu.side_by_side import SideBySide, suits

        if fused and precision == "float32" and suits(module):
            way = SideBySide
        else:
            module = by_sums(module)
    return way(module, precision, threads, mean_loss)


def pays(module: nn.Module, device: torch.device, products: float) -> bool:
    """Whether a device trains a module's lanes faster fused than looped. `products` are the
    multiplications of a layer with a batch, on average."""
    if device.type == "cuda":
        return products <= CUDA
    from vrtune.gradients.cpu.side_by_side import suits

    if not any(isinstance(layer, nn.Conv2d) for layer in module.modules()):
        return products <= LINEAR
    return suits(module) or products <= GROUPED


def can_fuse(module: nn.Module, shape: tuple[int, ...]) -> bool:
    """Whether vmap understands what a module on the CPU does to samples of a shape."""
    x, y = torch.zeros(2, 2, *shape), torch.zeros(2, 2, dtype=torch.long)

    def twice(tensor: Tensor) -> Tensor:
        return torch.stack([tensor.detach()] * 2)

    buffers = {name: twice(b) for name, b in module.named_buffers()}
    try:
        Fused(module).gradient(twice(flatten(module)), buffers, x, y)
    except (RuntimeError, ValueError):  # it looks at its values, or draws random numbers
        return False
    return True
