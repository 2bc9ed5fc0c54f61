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
    """Changes freshly drawn weights in place before a lane's first step."""

    settings: ClassVar[type[InitSettings]]

    @staticmethod
    def spent(settings: InitSettings) -> float:
        """Gradient computations a lane's initialisation takes."""
        return 0.0

    @abstractmethod
    def start(
        self, parameters: list[Tensor], hp: dict[str, Tensor], losses: Losses, probe: Probe
    ) -> None:
        """Changes `parameters`, each [r, *shape], in place; `hp` holds tensors [r, 1]."""
