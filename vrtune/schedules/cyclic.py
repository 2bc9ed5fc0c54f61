"""Triangles between a low and the full step size."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.later import Tensor
from vrtune.units import ScheduleSettings


class Cyclic(ScheduleSettings):
    """Rises from `low` to the full step size and falls again, over and over.

    low + (1 - low) (1 - |2 frac(t / period) - 1|)

    Twin: torch.optim.lr_scheduler.CyclicLR, mode triangular.

    Args:
        low: factor at a triangle's foot, above 0 and at most 1.
        period: epochs up and down again, above 0.

    Example:
        >>> import torch
        >>> from vrtune import Cyclic
        >>> Cyclic(low=0.2, period=4).factors(torch.tensor([0.0, 1.0, 2.0, 3.0]), epochs=8)
        tensor([0.2000, 0.6000, 1.0000, 0.6000])

    References: Smith, WACV 2017.
    """

    kind: Literal["cyclic"] = "cyclic"
    low: float = Field(default=0.1, gt=0, le=1, description="factor at a triangle's foot")
    period: float = Field(default=4.0, gt=0, description="epochs up and down again")

    def factors(self, t: Tensor, epochs: int) -> Tensor:
        phase = (t / self.period) % 1.0
        return self.low + (1 - self.low) * (1 - (2 * phase - 1).abs())
