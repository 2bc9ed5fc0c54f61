"""How fast the lanes of a pool train: measured over whole epochs, and within them."""

from __future__ import annotations

import time
from contextlib import suppress
from statistics import median

from gpu_parts.made import pool_of
from gpu_parts.running import Bench, Row
from gpu_parts.taken import begin, peak
from vrtune import TrialConfig
from vrtune.lanes.batches import bounds
from vrtune.lanes.pool import Pool
from vrtune.lanes.replay import WARM_UP
from vrtune.lanes.workspace import Workspace

EPOCHS = 5  # timed, at most


class Enough(Exception):
    """The measurement ends."""


class Pacer:
    """Trains a pool epoch by epoch and keeps the time.

    The first epoch is not counted: it runs eagerly, captures graphs, and libraries choose their
    kernels. Each step of it is waited for, so that a long one can be given up.
    """

    def __init__(self, bench: Bench, pool: Pool) -> None:
        self.bench, self.pool = bench, pool
        self.first: list[float] = []  # seconds of the steps of the first epoch
        self.epochs: list[float] = []  # seconds of whole epochs
        self.inside: list[float] = []  # of a step, between the first and the last of an epoch
        space = pool.workspace
        self.steps = len(bounds(len(space.splits[0].train), space.task.batch_size))  # of an epoch

    @property
    def lanes(self) -> int:
        """Lanes in training."""
        return sum(len(lanes.seats) for lanes in self.pool.groups.values())

    def warm_up(self, until: float) -> None:
        """The first epoch; raises Enough once time.perf_counter() is `until`."""
        last = time.perf_counter()

        def after_step() -> None:
            nonlocal last
            self.bench.wait()
            now = time.perf_counter()
            self.first.append(now - last)
            last = now
            if now > until:
                raise Enough

        self.pool.train_epoch(after_step)

    def epoch(self) -> None:
        """One more epoch, timed. No snapshot may fall into it."""
        seen: list[float] = []
        count = 0

        def after_step() -> None:
            nonlocal count
            count += 1
            if count in (1, self.steps):
                self.bench.wait()
                seen.append(time.perf_counter())

        self.bench.wait()
        began = time.perf_counter()
        self.pool.train_epoch(after_step)
        self.bench.wait()
        self.epochs.append(time.perf_counter() - began)
        assert count == self.steps, "a snapshot's batches count as steps"
        if self.steps > 1:
            self.inside.append((seen[1] - seen[0]) / (self.steps - 1))

    def row(self) -> Row:
        """Medians: lane-steps a second over whole epochs, and what a step takes within one."""
        lanes = self.lanes
        if not self.epochs:  # given up: the steps after the warm-up, if there were any
            step = median(self.first[WARM_UP + 1 :] or self.first)
            return {"lane_steps_per_s": lanes / step, "step_ms": 1000 * step, "n": 0}
        whole, step = median(self.epochs), median(self.inside or self.epochs)
        return {
            "lane_steps_per_s": lanes * self.steps / whole,
            "step_ms": 1000 * step,
            "between_epochs": max(0.0, 1 - step * self.steps / whole),
            "n": len(self.epochs),
        }


def pace(
    bench: Bench,
    space: Workspace,
    config: TrialConfig,
    trials: int,
    *,
    fused: bool,
    seconds: float,
) -> Row:
    """How fast so many trials train at once, looked at for so long, and the memory they took."""
    base = begin(bench)
    with pool_of(space, fused=fused) as pool:
        pacer = Pacer(bench, pool)
        began = time.perf_counter()
        pool.exchange([], dict.fromkeys(range(trials), config))
        bench.wait()
        seated = time.perf_counter()
        with suppress(Enough):
            pacer.warm_up(seated + seconds)
            while len(pacer.epochs) < EPOCHS and time.perf_counter() < seated + seconds:
                pacer.epoch()
        row = {"lanes": pacer.lanes, "way": "fused" if fused else "looped", **pacer.row()}
        row["seat_s"], row["first_epoch_s"] = seated - began, sum(pacer.first)
        row |= peak(bench, base)
    return row
