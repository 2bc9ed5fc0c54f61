"""A power of time: c / k and c / sqrt(k), of the theory of stochastic approximation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.later import Tensor
from vrtune.units import ScheduleSettings


class Decay(ScheduleSettings):
    """Falls as a power of time, without an end: c / k with power 1, c / sqrt(k) with power 1/2.

    (offset / (offset + t))^power

    Time is counted in epochs, so that a schedule means the same for any batch size; with an offset
    of one step, 1 / (steps an epoch), this is 1 / k^power of step k = 1, 2, ... The sums of
    c / k^power and of its square, which convergence asks for, are infinite and finite for
    1/2 < power <= 1.

    Twin: torch.optim.lr_scheduler.LambdaLR.

    Args:
        power: of time, above 0.
        offset: epochs until the factor is 1 / 2^power, above 0.

    Example:
        >>> import torch
        >>> from vrtune import Decay
        >>> Decay(power=0.5, offset=1.0).factors(torch.tensor([0.0, 3.0, 8.0]), epochs=9)
        tensor([1.0000, 0.5000, 0.3333])

    References: Robbins & Monro, Annals of Mathematical Statistics 1951.
    """

    kind: Literal["decay"] = "decay"
    power: float = Field(default=1.0, gt=0, description="of time: 1 for c/k, 0.5 for c/sqrt(k)")
    offset: float = Field(default=1.0, gt=0, description="epochs until it is 1 / 2^power")

    def factors(self, t: Tensor, epochs: int) -> Tensor:
        return (self.offset / (self.offset + t)) ** self.power
