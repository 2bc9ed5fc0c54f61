"""The step size as it is."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from vrtune.config import ScheduleSettings
from vrtune.schedules.base import Schedule


class Constant(ScheduleSettings):
    """factor = 1."""

    kind: Literal["constant"] = "constant"


class ConstantSchedule(Schedule):
    """1 at all times."""

    settings = Constant

    @staticmethod
    def factors(settings: ScheduleSettings, t: Tensor, epochs: int) -> Tensor:
        return torch.ones_like(t)
