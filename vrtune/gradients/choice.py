"""Which oracle computes a module's gradients."""

from __future__ import annotations

from torch import nn

from vrtune.gradients.fused import Fused
from vrtune.gradients.looped import Looped
from vrtune.gradients.oracle import Oracle


def make_oracle(module: nn.Module, *, fused: bool, precision: str, threads: int) -> Oracle:
    """The oracle of a process. What only a CPU needs is imported on a CPU alone."""
    way: type[Oracle] = Fused if fused else Looped
    if next(module.parameters()).device.type == "cpu":
        from vrtune.gradients.cpu.pooling import by_sums
        from vrtune.gradients.cpu.side_by_side import SideBySide, suits

        if fused and precision == "float32" and suits(module):
            way = SideBySide
        else:
            module = by_sums(module)
    return way(module, precision, threads)
