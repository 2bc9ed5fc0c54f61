"""The architecture's own initialisation."""

from __future__ import annotations

from typing import Literal

from vrtune.inits.base import Init, Losses, Probe
from vrtune.later import Tensor
from vrtune.units import InitSettings


class Default(InitSettings):
    """Weights as the architecture draws them (PyTorch's defaults).

    Example:
        >>> from vrtune import SGD, Default, TrialConfig
        >>> TrialConfig(optimizer=SGD(lr=0.1)).init == Default()
        True
    """

    kind: Literal["default"] = "default"


class DefaultInit(Init):
    """Leaves the drawn weights alone."""

    settings = Default

    def start(
        self, parameters: list[Tensor], hp: dict[str, Tensor], losses: Losses, probe: Probe
    ) -> None:
        pass
