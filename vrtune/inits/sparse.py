"""Sparse weights: every unit listens to a few others alone."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.inits.redrawn import Redrawn
from vrtune.later import Tensor
from vrtune.units import InitSettings


class Sparse(InitSettings):
    """Gives each unit a few connections, drawn among all, and leaves the others at zero.

    min(incoming, fan_in) weights of a unit ~ N(0, gain^2), the rest 0

    What a unit receives does not grow with the layer before it, and units differ from each other.
    Biases and norm layers stay as the architecture made them (Martens sets biases to 0).

    Args:
        incoming: weights of a unit that are not zero, 1 or more.
        gain: their standard deviation, above 0.

    Example:
        >>> from vrtune import SGD, Sparse, TrialConfig
        >>> TrialConfig(optimizer=SGD(lr=0.1), init=Sparse(gain=0.3)).init.incoming
        15

    References: Martens, ICML 2010, section 5.
    """

    kind: Literal["sparse"] = "sparse"
    incoming: int = Field(default=15, ge=1, description="weights of a unit that are not zero")
    gain: float = Field(default=1.0, gt=0, description="their standard deviation")


class SparseInit(Redrawn):
    """w = gain N(0, 1) where a connection's lot is among the `incoming` lowest, else 0."""

    settings = Sparse

    def drawn(self, p: Tensor, hp: dict[str, Tensor]) -> Tensor:
        lots = self.uniform(p).flatten(2)  # a unit's connections
        place = lots.argsort(dim=2).argsort(dim=2).view_as(p)
        return hp["gain"] * self.normal(p) * (place < hp["incoming"])
