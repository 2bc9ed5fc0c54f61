"""How often checkpoints are written: as often as they cost next to nothing."""

from __future__ import annotations

import time
from typing import Literal

Every = Literal["auto", "off"] | int

SHARE = 0.01  # of the time, that writing may take
FIRST_S = 0.02  # that a write is thought to take, before one was
LEAST_S = 2.0  # between two


class Pace:
    """Says when the next are due: after so many epochs, or where writing takes a hundredth of the
    time since the last ones."""

    def __init__(self, every: Every = "auto") -> None:
        self.every = every
        self.since = time.monotonic()
        self.seconds = FIRST_S  # that the last ones took, all together

    def due(self, epochs: int) -> bool:
        """Whether a training is to be written that has made so many epochs since it last was."""
        if self.every == "off" or epochs < 1:
            return False
        if self.every != "auto":
            return epochs >= self.every
        return time.monotonic() - self.since >= max(LEAST_S, self.seconds / SHARE)

    def begin(self) -> None:
        """Starts the next ones."""
        self.since, self.seconds = time.monotonic(), 0.0

    def took(self, seconds: float) -> None:
        """Takes note of what one took, or a part of it."""
        self.seconds += seconds
