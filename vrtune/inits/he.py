"""He's initialisation: signals keep their variance through rectifiers."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from vrtune.inits.redrawn import Redrawn, fans
from vrtune.later import Tensor
from vrtune.units import InitSettings


class He(InitSettings):
    """Draws weights whose variance rectifiers, which halve it, leave as it is.

    Var w = gain^2 / fan;  gain = sqrt(2) for rectifiers, 1 for linear units

    Biases and norm layers stay as the architecture made them.

    Args:
        gain: standard deviation times sqrt(fan), above 0.
        fan: in, for the signals' variance, or out, for that of the gradients.
        distribution: normal (He's), or uniform of the same variance.

    Example:
        >>> from vrtune import SGD, He, TrialConfig
        >>> TrialConfig(optimizer=SGD(lr=0.1), init=He(fan="out")).init.gain ** 2
        2.0000000000000004

    References: He, Zhang, Ren & Sun, ICCV 2015.
    """

    kind: Literal["he"] = "he"
    gain: float = Field(
        default=math.sqrt(2), gt=0, description="standard deviation times sqrt(fan)"
    )
    fan: Literal["in", "out"] = "in"
    distribution: Literal["normal", "uniform"] = "normal"


class HeInit(Redrawn):
    """w ~ N(0, gain^2 / fan), or U(-b, b), b = gain sqrt(3 / fan)."""

    settings = He

    def __init__(self, fan: str, distribution: str) -> None:
        self.fan, self.distribution = fan, distribution

    def drawn(self, p: Tensor, hp: dict[str, Tensor]) -> Tensor:
        fan_in, fan_out = fans(p)
        std = hp["gain"] / math.sqrt(fan_in if self.fan == "in" else fan_out)
        if self.distribution == "normal":
            return std * self.normal(p)
        return std * math.sqrt(3) * self.uniform(p)
