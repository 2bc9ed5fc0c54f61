"""No average."""

from __future__ import annotations

from typing import Literal

from vrtune.averages.base import Average
from vrtune.estimators.base import Clock
from vrtune.later import Tensor, torch
from vrtune.units import AverageSettings


class Last(AverageSettings):
    """The weights of the last step.

    Example:
        >>> from vrtune import SGD, Last, TrialConfig
        >>> TrialConfig(optimizer=SGD(lr=0.1)).average == Last()
        True
    """

    kind: Literal["last"] = "last"


class LastAverage(Average):
    """mean = w."""

    settings = Last
    keeps = False

    def rate(self, hp: dict[str, Tensor], clock: Clock) -> Tensor:
        return torch.ones_like(clock.epoch)
