"""The step size as it is."""

from __future__ import annotations

from typing import Literal

from vrtune.later import Tensor, torch
from vrtune.units import ScheduleSettings


class Constant(ScheduleSettings):
    """Leaves the step size as it is.

    factor = 1

    Example:
        >>> import torch
        >>> from vrtune import Constant
        >>> Constant().factors(torch.tensor([0.0, 1.0]), epochs=2)
        tensor([1., 1.])
    """

    kind: Literal["constant"] = "constant"

    def factors(self, t: Tensor, epochs: int) -> Tensor:
        return torch.ones_like(t)
