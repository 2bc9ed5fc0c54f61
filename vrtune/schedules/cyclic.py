"""Triangles between a low and the full step size."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from vrtune.config import ScheduleSettings


class Cyclic(ScheduleSettings):
    """lr is the top of every triangle; as torch's CyclicLR, mode triangular.

    low + (1 - low) (1 - |2 frac(t / period) - 1|).

    Twin: torch.optim.lr_scheduler.CyclicLR.
    References: Smith, WACV 2017.
    """

    kind: Literal["cyclic"] = "cyclic"
    low: float = Field(default=0.1, gt=0, le=1, description="factor at a triangle's foot")
    period: float = Field(default=4.0, gt=0, description="epochs up and down again")

    def factors(self, t: Tensor, epochs: int) -> Tensor:
        phase = (t / self.period) % 1.0
        return self.low + (1 - self.low) * (1 - (2 * phase - 1).abs())
