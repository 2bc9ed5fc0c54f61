"""Half a cosine, after a linear warm-up."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.units import ScheduleSettings


class Cosine(ScheduleSettings):
    """Falls from 1 to `final` along half a cosine, after a linear warm-up from 0.

    Cosine annealing without restarts, E epochs, W = warmup E, s: the time of a step.

        t < W:   (t + s / 2) / W   (half a step late, so the first one is not zero)
        else:    final + (1 - final) (1 + cos(pi (t - W) / (E - W))) / 2

    Twin, without warm-up: torch.optim.lr_scheduler.CosineAnnealingLR, stepped every batch.

    Args:
        warmup: share of the run that warms up, from 0 to below 1.
        final: factor at the end, 0 to 1.

    Example:
        >>> import torch
        >>> from vrtune import Cosine
        >>> Cosine(warmup=0.5).factors(torch.tensor([0.0, 0.5, 1.0, 1.5]), epochs=2)
        tensor([0.2500, 0.7500, 1.0000, 0.5000])

    References: Loshchilov & Hutter, ICLR 2017; Goyal et al. 2017 (warm-up).
    """

    kind: Literal["cosine"] = "cosine"
    warmup: float = Field(default=0.0, ge=0, lt=1, description="share of the run")
    final: float = Field(default=0.0, ge=0, le=1, description="factor at the end")

    def factors(self, t: Tensor, epochs: int) -> Tensor:
        W, final = self.warmup * epochs, self.final
        falling = final + (1 - final) * (1 + torch.cos(torch.pi * (t - W) / (epochs - W))) / 2
        if not W:
            return falling
        step = float(t[1] - t[0]) if len(t) > 1 else 1.0
        return torch.where(t < W, ((t + step / 2) / W).clamp(max=1.0), falling)
