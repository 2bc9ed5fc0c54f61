"""The step size falls at milestones."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.units import ScheduleSettings


class Step(ScheduleSettings):
    """Multiplies the step size by `gamma` at every milestone.

    gamma^#{m in milestones: t >= m epochs}, from the first step of the epoch reached

    Milestones are shares of the run, so that a schedule means the same for any number of epochs.
    Twin: torch.optim.lr_scheduler.MultiStepLR.

    Args:
        milestones: shares of the run, each 0 to 1.
        gamma: factor of each fall, above 0.

    Example:
        >>> import torch
        >>> from vrtune import Step
        >>> Step(milestones=(0.5, 0.75)).factors(torch.tensor([0.0, 1.0, 2.0, 3.0]), epochs=4)
        tensor([1.0000, 1.0000, 0.1000, 0.0100])
    """

    kind: Literal["step"] = "step"
    milestones: tuple[float, ...] = Field(
        default=(0.5, 0.75), description="shares of the run, 0 to 1"
    )
    gamma: float = Field(default=0.1, gt=0)

    def factors(self, t: Tensor, epochs: int) -> Tensor:
        passed = torch.zeros_like(t)
        for share in self.milestones:
            passed += t.floor() >= round(share * epochs)
        return self.gamma**passed
