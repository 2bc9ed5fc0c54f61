"""Dropout: how much the model's dropout layers drop, lane by lane."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from vrtune.penalties.norms import Norms, NormsPenalty
from vrtune.units import PenaltySettings


class Dropout(Norms):
    """Drops units in training, and may penalise norms as `Norms` does.

    h <- m h / (1 - rate),   m ~ Bernoulli(1 - rate),   in training alone

    It sets the rate of all dropout layers of the model, which must have some (mlp, lenet and
    tabular have, or your own: nn.Dropout); their own rates do not count then. Masks are a function
    of stream and batch, as without it.

    Args:
        rate: share of the units that are dropped, 0 or more and below 1.
        l1: this and what follows as in Norms.
        l2: as there.
        decoupled: as there.
        exempt: as there.

    Example:
        >>> from vrtune import SGD, Dropout, TrialConfig
        >>> TrialConfig(optimizer=SGD(lr=0.1), penalty=Dropout(rate=0.2)).penalty.rate
        0.2

    References: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, JMLR 2014.
    """

    kind: Literal["dropout"] = "dropout"  # type: ignore[assignment]
    rate: float = Field(default=0.5, ge=0, lt=1, description="share of the units dropped")


class DropoutPenalty(NormsPenalty):
    """hp["rate"] in place of the layers' own rates; norms as NormsPenalty."""

    settings: ClassVar[type[PenaltySettings]] = Dropout
    drops = True
