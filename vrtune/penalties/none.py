"""No penalty."""

from __future__ import annotations

from typing import Literal

from vrtune.penalties.base import Penalty
from vrtune.units import PenaltySettings


class NoPenalty(PenaltySettings):
    """The loss as it is; a step rule may have a weight decay of its own.

    Example:
        >>> from vrtune import SGD, NoPenalty, TrialConfig
        >>> TrialConfig(optimizer=SGD(lr=0.1)).penalty == NoPenalty()
        True
    """

    kind: Literal["none"] = "none"


class NoPenaltyRule(Penalty):
    """Leaves the weights to the step rule."""

    settings = NoPenalty
