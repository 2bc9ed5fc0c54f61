"""vrtune's schedules as a scheduler of PyTorch."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from vrtune.errors import UsageError
from vrtune.optim.told import settings_of
from vrtune.schedules import ScheduleSettings


class Scheduler(LambdaLR):
    """A schedule of vrtune, to be stepped after every step.

    lr of a step = lr at the start, times the schedule's factor at its time

    Args:
        optimizer: whose lr is scaled.
        schedule: settings, such as vrtune.Cosine(warmup=0.1) or {"kind": "cosine", "warmup": 0.1};
            your own as well.
        epochs: those of the run; after it the factor stays.
        steps: batches of an epoch.

    Raises:
        UsageError: there is no such schedule, or a number is out of range.

    Example:
        >>> import torch, vrtune
        >>> from vrtune.optim import Scheduler
        >>> sgd = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
        >>> Scheduler(sgd, vrtune.Cosine(), epochs=2, steps=10).get_last_lr()
        [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: ScheduleSettings | dict[str, Any],
        epochs: int,
        steps: int,
    ) -> None:
        if epochs < 1 or steps < 1:
            raise UsageError(f"epochs and steps are {epochs} and {steps}: give 1 or more of each")
        settings = settings_of(ScheduleSettings, schedule)  # type: ignore[type-abstract]
        super().__init__(optimizer, partial(factor_at, settings, epochs, steps))


def factor_at(schedule: ScheduleSettings, epochs: int, steps: int, step: int) -> float:
    """What a schedule makes of the step size of a step, counted from 0."""
    epoch, within = divmod(min(step, epochs * steps - 1), steps)
    return _factors(schedule, epochs, steps, epoch)[within]


@lru_cache(maxsize=64)
def _factors(schedule: ScheduleSettings, epochs: int, steps: int, epoch: int) -> list[float]:
    """Those of an epoch's steps."""
    share = torch.arange(steps, dtype=torch.float64) / steps
    factors: list[float] = schedule.factors(epoch + share, epochs).tolist()
    return factors
