"""What every learning-rate schedule offers the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from vrtune.config import ScheduleSettings


class Schedule(ABC):
    """A factor on the step size over a run. Evaluated on the host, a lane by itself, so lanes with
    different schedules train side by side."""

    settings: ClassVar[type[ScheduleSettings]]

    @staticmethod
    @abstractmethod
    def factors(settings: ScheduleSettings, t: Tensor, epochs: int) -> Tensor:
        """The factor at times `t` [n], in epochs from the start of the run, as float64 [n]."""
