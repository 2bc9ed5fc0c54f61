"""Where a search's time goes, and how full its slots are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from vrtune.config import Settings


class Timesheet(Settings):
    """Core-seconds of one process, or of all together: a process that was given the core of
    another, which had ended, counts for both."""

    training: float = 0.0  # in training steps and snapshots
    judging: float = 0.0  # on the validation parts
    seating: float = 0.0  # fresh lanes into rows, inits included
    beside: float = 0.0  # storage's and sampler's own, on a thread that shares a core with the rest
    total: float = 0.0
    wall: float = 0.0  # the same by the clock
    # slot-seconds, until no trial was left to start
    offered: float = 0.0
    taken: float = 0.0  # of them, in training or judging

    def __add__(self, other: Timesheet) -> Timesheet:
        return Timesheet(**{k: v + getattr(other, k) for k, v in self.model_dump().items()})

    @property
    def outside(self) -> float:
        """Share of the time that is neither training nor judging nor seating: storage, sampler,
        pruner, waiting."""
        inside = self.training + self.judging + self.seating
        return max(0.0, 1 - inside / self.total) if self.total else 0.0

    @property
    def occupancy(self) -> float | None:
        """Share of the slots' time in which a trial trained in them, until none was left."""
        return self.taken / self.offered if self.offered else None


class Stopwatch:
    """Fills a timesheet while a search runs."""

    def __init__(self) -> None:
        self.began = self.turned = time.perf_counter()
        self.cores, self.total = 1, 0.0
        self.seconds = {"training": 0.0, "judging": 0.0, "seating": 0.0}
        self.offered = self.taken = 0.0
        self.since = self.began

    def use(self, cores: int) -> None:
        """From now on the process has so many cores."""
        now = time.perf_counter()
        self.total += self.cores * (now - self.turned)
        self.turned, self.cores = now, cores

    @contextmanager
    def measure(self, kind: str) -> Iterator[None]:
        """Counts what happens inside as `kind`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[kind] += self.cores * (time.perf_counter() - start)

    def round(self, slots: int, taken: int, worked: float, *, more: bool) -> None:
        """Ends a round in which `taken` of the slots trained for `worked` seconds; `more` if all
        of them did, or trials were left to start."""
        now = time.perf_counter()
        if more:
            self.offered += slots * (now - self.since)
            self.taken += taken * worked
        self.since = now

    def sheet(self, beside: float = 0.0) -> Timesheet:
        """What was counted so far, here and `beside`."""
        self.use(self.cores)
        return Timesheet(
            **self.seconds,
            beside=beside,
            total=self.total,
            wall=self.turned - self.began,
            offered=self.offered,
            taken=self.taken,
        )
