"""One cycle: up to the full step size, then far below where it began."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.units import ScheduleSettings


class OneCycle(ScheduleSettings):
    """Rises once to the full step size and falls far below where it began, without restarts.

    Cosine from `start` to 1 over the first part of the run, then from 1 to `end`.

    Twin: torch.optim.lr_scheduler.OneCycleLR (pct_start = rising, div_factor = 1 / start,
    final_div_factor = start / end), up to its counting of steps and its cycle of momentum.

    Args:
        rising: share of the run before the peak, above 0 and below 1.
        start: factor at the start, above 0 and at most 1.
        end: factor at the end, above 0 and at most 1.

    Example:
        >>> import torch
        >>> from vrtune import OneCycle
        >>> OneCycle(rising=0.5).factors(torch.tensor([0.0, 1.0, 2.0, 3.0]), epochs=4)
        tensor([0.0400, 0.5200, 1.0000, 0.5000])

    References: Smith & Topin 2017.
    """

    kind: Literal["one_cycle"] = "one_cycle"
    rising: float = Field(default=0.3, gt=0, lt=1, description="share of the run before the peak")
    start: float = Field(default=0.04, gt=0, le=1, description="factor at the start")
    end: float = Field(default=4e-6, gt=0, le=1, description="factor at the end")

    def factors(self, t: Tensor, epochs: int) -> Tensor:
        peak = self.rising * epochs

        def between(a: float, b: float, share: Tensor) -> Tensor:
            return b + (a - b) * (1 + torch.cos(torch.pi * share)) / 2

        up = between(self.start, 1.0, t / peak)
        down = between(1.0, self.end, (t - peak) / (epochs - peak))
        return torch.where(t < peak, up, down)
