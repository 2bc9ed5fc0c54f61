"""Uniform weights within one over the square root of the connections."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from vrtune.inits.redrawn import Redrawn, fans
from vrtune.later import Tensor
from vrtune.units import InitSettings


class Uniform(InitSettings):
    """Draws weights uniformly, within 1 / sqrt(fan_in).

    w ~ U(-gain / sqrt(fan_in), gain / sqrt(fan_in))

    Biases and norm layers stay as the architecture made them. With gain 1 these are PyTorch's own
    layers, drawn anew.

    Args:
        gain: factor of the bounds, above 0.

    Example:
        >>> from vrtune import SGD, TrialConfig, Uniform
        >>> TrialConfig(optimizer=SGD(lr=0.1), init=Uniform(gain=0.5)).init
        Uniform(kind='uniform', gain=0.5)

    References: LeCun, Bottou, Orr & Müller, "Efficient BackProp", 1998.
    """

    kind: Literal["uniform"] = "uniform"
    gain: float = Field(default=1.0, gt=0, description="factor of the bounds")


class UniformInit(Redrawn):
    """w ~ U(-gain / sqrt(fan_in), gain / sqrt(fan_in))."""

    settings = Uniform

    def drawn(self, p: Tensor, hp: dict[str, Tensor]) -> Tensor:
        fan_in, _ = fans(p)
        return hp["gain"] / math.sqrt(fan_in) * self.uniform(p)
