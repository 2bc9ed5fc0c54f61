"""The step size as it is."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from vrtune.config import ScheduleSettings


class Constant(ScheduleSettings):
    """factor = 1."""

    kind: Literal["constant"] = "constant"

    def factors(self, t: Tensor, epochs: int) -> Tensor:
        return torch.ones_like(t)
