"""A few lanes on noise, by which it is found out what a user's module does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vrtune.gradients.keyed import KEY, RATE
from vrtune.gradients.layout import flatten

if TYPE_CHECKING:
    from vrtune.gradients.oracle import Buffers, Oracle

LANES = 3


def is_tested(module: nn.Module) -> bool:
    """Whether a module is one of vrtune's, which the tests hold to every way."""
    return type(module).__module__.startswith("vrtune.models.")


def few_lanes(oracle: Oracle, shape: tuple[int, ...]) -> tuple[Tensor, Buffers, Tensor, Tensor]:
    """W, buffers, x and y of three lanes on three samples of a shape each, whose weights differ."""
    generator = torch.Generator().manual_seed(0)

    def noise(*size: int) -> Tensor:
        return torch.randn(size, generator=generator).to(oracle.device)

    row = flatten(oracle.original)
    W = (row + (0.1 * row.abs() + 0.01) * noise(LANES, len(row))).to(row.dtype)
    x, y = noise(LANES, 3, *shape).to(row.dtype), noise(LANES, 3)
    buffers = {}
    for name, b in oracle.original.named_buffers():
        buffers[name] = torch.stack([b.detach()] * LANES)
        if name == KEY:
            buffers[name] += torch.arange(2 * LANES, dtype=b.dtype, device=b.device).view(LANES, 2)
        if name == RATE:
            buffers[name] += torch.linspace(0.1, 0.5, LANES).to(b).view(LANES, 1)
    return W, buffers, x, y


@contextmanager
def square_loss(oracle: Oracle) -> Iterator[None]:
    """Inside, the loss is (output - y)^2, whatever the outputs stand for."""
    usual = oracle.mean_loss
    oracle.mean_loss = lambda o, y: (o - y.unsqueeze(2)).square().mean((1, 2))
    try:
        yield
    finally:
        oracle.mean_loss = usual


def near(a: Tensor, b: Tensor) -> bool:
    """By what rounding leaves of float32."""
    if not b.is_floating_point():
        return torch.equal(a, b)
    a, b = a.detach().double(), b.detach().double()
    return bool((a - b).norm() <= 1e-3 * b.norm() + 1e-5)
