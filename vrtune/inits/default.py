"""The architecture's own initialisation."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from vrtune.config import InitSettings
from vrtune.inits.base import Init, Losses, Probe


class Default(InitSettings):
    """Weights as the architecture draws them (PyTorch's defaults)."""

    kind: Literal["default"] = "default"


class DefaultInit(Init):
    """Leaves the drawn weights alone."""

    settings = Default

    def start(
        self, parameters: list[Tensor], hp: dict[str, Tensor], losses: Losses, probe: Probe
    ) -> None:
        pass
