"""What every initialisation offers the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from vrtune.config import InitSettings

# The mean loss of each lane on a batch, differentiable twice: (parameters, x, y) -> [r].
# Each parameter is a tensor [r, *shape]; x is [r, B, C, H, W], y [r, B].
Losses = Callable[[list[Tensor], Tensor, Tensor], Tensor]
# A batch of noise for the given step: N(0, 1) inputs and uniform labels, the lane first.
Probe = Callable[[int], tuple[Tensor, Tensor]]


class Init(ABC):
    """Changes freshly drawn weights in place before a lane's first step.

    A class that names its `settings` is enrolled with them. Settings that are no numbers are given
    to the constructor by name.
    """

    settings: ClassVar[type[InitSettings]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "settings" in vars(cls):
            cls.settings.enrol(cls)

    @abstractmethod
    def start(
        self, parameters: list[Tensor], hp: dict[str, Tensor], losses: Losses, probe: Probe
    ) -> None:
        """Changes `parameters`, each [r, *shape], in place; `hp` holds tensors [r, 1]."""
