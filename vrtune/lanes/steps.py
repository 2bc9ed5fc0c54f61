"""Says how far into an epoch the lanes are."""

from __future__ import annotations

import time
from collections.abc import Callable

from vrtune.events import Event, Stepped
from vrtune.lanes.pool import Pool

EVERY_S = 0.5


class Steps:
    """Says at most twice a second at which step the trial with the lowest number is."""

    def __init__(self, progress: Callable[[Event], None]) -> None:
        self.progress, self.due = progress, 0.0

    def tell(self, pool: Pool) -> None:
        """To be called after every step: looks at the clock, and seldom does more."""
        now, lanes = time.monotonic(), pool.training
        if now < self.due or lanes is None:
            return
        self.due = now + EVERY_S
        first = min(lanes.seats, key=lambda lane: lane.trial)
        steps = len(lanes.batches.bounds())
        step = max(1, lanes.steps_done)  # none is done during the first snapshot
        self.progress(Stepped(trial=first.trial, epoch=first.epoch + 1, step=step, steps=steps))
