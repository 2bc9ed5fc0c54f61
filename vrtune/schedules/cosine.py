"""Half a cosine, after a linear warm-up."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from vrtune.config import ScheduleSettings


class Cosine(ScheduleSettings):
    """From 1 to `final` along half a cosine; the first `warmup` of the run rises from 0.

    Cosine annealing without restarts, E epochs, W = warmup E.

        t < W:   t / W   (the first step is at half a step: it is not zero)
        else:    final + (1 - final) (1 + cos(pi (t - W) / (E - W))) / 2

    Twin, without warm-up: torch.optim.lr_scheduler.CosineAnnealingLR, stepped every batch.
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
