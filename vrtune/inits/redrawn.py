"""Weights that are drawn anew, a tensor at a time, by how many connections it has."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable

from vrtune.inits.base import Init, Losses, Probe
from vrtune.later import Tensor, torch


class Redrawn(Init):
    """Draws every weight tensor anew: those of two or more dimensions, as matrices of units.

    A convolution's unit is an output channel; its connections are the input channels times the
    kernel. Biases and the scales of norm layers stay as the architecture made them.
    """

    asks_for_losses = False

    def start(
        self, parameters: list[Tensor], hp: dict[str, Tensor], losses: Losses, probe: Probe
    ) -> None:
        for p in parameters:
            if p.dim() > 2:  # the lane is one dimension
                at = {name: value.view(-1, *[1] * (p.dim() - 1)) for name, value in hp.items()}
                p.copy_(self.drawn(p, at))

    @abstractmethod
    def drawn(self, p: Tensor, hp: dict[str, Tensor]) -> Tensor:
        """New values of a tensor [r, d_out, d_in, ...], each number of `hp` [r, 1, 1, ...]."""

    def uniform(self, p: Tensor) -> Tensor:
        """U(-1, 1) in the shape of p, by the random numbers of each lane."""
        return 2 * self._random(p, torch.rand) - 1

    def normal(self, p: Tensor) -> Tensor:
        """N(0, 1) in the shape of p, by the random numbers of each lane."""
        return self._random(p, torch.randn)

    def _random(self, p: Tensor, draw: Callable[..., Tensor]) -> Tensor:
        rows = [draw(p.shape[1:], generator=source) for source in self.sources]
        return torch.stack(rows).to(p)


def fans(p: Tensor) -> tuple[int, int]:
    """Connections into a unit of p [r, d_out, d_in, ...], and out of one that feeds it.

    fan_in = d_in h w, fan_out = d_out h w
    """
    field = math.prod(p.shape[3:])
    return p.shape[2] * field, p.shape[1] * field
