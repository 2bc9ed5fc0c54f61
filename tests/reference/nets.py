"""Nets that MetaInit has something to do for, and lanes on them without any data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from vrtune.lanes import Lane, Lanes, Stream
from vrtune.lanes.rows import Program
from vrtune.trial_config import TrialConfig


def badly_scaled(activation: type[nn.Module], depth: int = 5, gain: float = 2.0) -> nn.Module:
    """A deep narrow net in double precision whose weights are `gain` times too large."""
    layers: list[nn.Module] = [nn.Flatten()]
    width = 16
    for _ in range(depth):
        layers += [nn.Linear(width, 12), activation()]
        width = 12
    net = nn.Sequential(*layers, nn.Linear(width, 4)).double()
    with torch.no_grad():
        for p in net.parameters():
            if p.dim() > 1:
                p.mul_(gain)
    return net


def seat(
    make: Callable[[], nn.Module],
    configs: Sequence[TrialConfig],
    shape: tuple[int, int, int] = (1, 4, 4),
    *,
    fused: bool = False,
    streams: int = 2,
    batch_size: int = 16,
) -> Lanes:
    """A lane for each of the settings, on `streams` streams in turn; the images are blank."""
    dtype = next(make().parameters()).dtype
    y = torch.arange(20) % 4
    one, zero = torch.ones(shape[0], dtype=dtype), torch.zeros(shape[0], dtype=dtype)
    index = torch.arange(20)
    lanes = Lanes(
        make, (torch.zeros(20, *shape), y), batch_size, Program.of(configs[0]), fused=fused
    )
    lanes.append(
        [
            Lane(i, config, Stream(f"fold {i % streams}", 1, index, index, one, zero))
            for i, config in enumerate(configs)
        ]
    )
    return lanes
