"""Xavier's initialisation: signals keep their variance forwards and gradients theirs backwards."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from vrtune.inits.redrawn import Redrawn, fans
from vrtune.later import Tensor
from vrtune.units import InitSettings


class Xavier(InitSettings):
    """Draws weights whose variance lies between what both directions of a linear net ask for.

    Var w = gain^2 2 / (fan_in + fan_out);  uniform within gain sqrt(6 / (fan_in + fan_out))

    Biases and norm layers stay as the architecture made them. Lectures print the bound
    6 / sqrt(fan_in fan_out) under this name, too: in a square layer of d units that is 6 / d in
    place of Glorot's sqrt(3 / d), wider below d = 12 and narrower above, so that signals die out.

    Args:
        gain: factor of the weights, above 0.
        distribution: uniform (Glorot's), or normal of the same variance.

    Example:
        >>> from vrtune import SGD, TrialConfig, Xavier
        >>> TrialConfig(optimizer=SGD(lr=0.1), init=Xavier()).init.distribution
        'uniform'

    References: Glorot & Bengio, AISTATS 2010.
    """

    kind: Literal["xavier"] = "xavier"
    gain: float = Field(default=1.0, gt=0, description="factor of the weights")
    distribution: Literal["uniform", "normal"] = "uniform"


class XavierInit(Redrawn):
    """w ~ gain U(-b, b), b = sqrt(6 / (fan_in + fan_out)), or gain N(0, 2 / (fan_in + fan_out))."""

    settings = Xavier

    def __init__(self, distribution: str) -> None:
        self.distribution = distribution

    def drawn(self, p: Tensor, hp: dict[str, Tensor]) -> Tensor:
        connections = sum(fans(p))
        if self.distribution == "uniform":
            return hp["gain"] * math.sqrt(6 / connections) * self.uniform(p)
        return hp["gain"] * math.sqrt(2 / connections) * self.normal(p)
