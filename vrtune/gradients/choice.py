"""Which oracle computes a module's gradients."""

from __future__ import annotations

from torch import nn

from vrtune.gradients.fused import Fused
from vrtune.gradients.looped import Looped
from vrtune.gradients.oracle import Oracle


def make_oracle(module: nn.Module, *, fused: bool, precision: str, threads: int) -> Oracle:
    """The oracle of a process."""
    if not fused:
        return Looped(module, precision, threads)
    from vrtune.gradients.cpu.side_by_side import SideBySide, suits

    fused_by = SideBySide if precision == "float32" and suits(module) else Fused
    return fused_by(module, precision, threads)
