"""What every step rule offers the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from vrtune.config import OptimizerSettings


class StepRule(ABC):
    """State of one step rule for L lanes: every tensor of `state` has the lane as first dimension.

    A class that names its `settings` is enrolled with them. Settings that are no numbers are given
    to the constructor by name.
    """

    settings: ClassVar[type[OptimizerSettings]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "settings" in vars(cls):
            cls.settings.enrol(cls)

    def __init__(self, weights: Tensor) -> None:
        self.state: dict[str, Tensor] = {}

    def admit(self, rows: Tensor, hp: dict[str, Tensor]) -> None:
        """Prepares rows for new lanes, after their state was set to zero."""

    @abstractmethod
    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        """Moves the rows of `weights` [L, P] in place along d [L, P] with step sizes eta [L, 1].

        `hp` holds a tensor [L, 1] for every number of the settings ([L, n] for a tuple of n). d
        may not be changed: STORM keeps it.
        """
