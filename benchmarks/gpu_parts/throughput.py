"""Training steps against a DataLoader's and a resident loop's, in turns: what throughput.py does,
with a pool at several numbers of lanes kept from one turn to the next.

(a) an ordinary objective with a DataLoader, at several numbers of workers, of which the fastest
counts; (b) the same with the data on the device; (c) vrtune. (a) and (b) take one fold after
another. Without real data, MNIST's files are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from throughput import CONFIGS, by_dataloader, by_index

from gpu_parts.made import FOLDS, pool_of, samples, unpack_mnist, write_mnist
from gpu_parts.pace import Pacer
from gpu_parts.running import Bench, Case, Part, Row
from vrtune import Task
from vrtune.lanes.plan import plan
from vrtune.lanes.workspace import Workspace

MODEL = "lenet"
TRAIN, TEST = 60_000, 1_000  # of made data: (b) draws from 45,000


def cases(bench: Bench) -> Iterator[Case]:
    """A method at a time."""
    with TemporaryDirectory(prefix="made-mnist-") as made:
        data_dir = bench.data_dir
        if data_dir is None:
            data_dir = Path(made)
            write_mnist(data_dir, TRAIN, TEST)
        else:
            unpack_mnist(data_dir)
        turns = Turns(bench, data_dir)
        for method in ("sgd",) if bench.small else CONFIGS:
            yield method, partial(turns.take, method)


class Turns:
    """What all methods share: the data, and the way that pays at each number of lanes."""

    def __init__(self, bench: Bench, data_dir: Path) -> None:
        self.bench, self.data_dir, small = bench, data_dir, bench.small
        self.lanes = (4,) if small else (16, 64, 256)
        self.workers = (0,) if small else (0, 4, 12)
        self.repeats, self.steps = (1, 2) if small else (3, 60)
        self.fused: dict[int, bool] = {}

    def take(self, method: str) -> Row:
        """Steps a second of each, medians of turns."""
        device, asked = self.bench.device, (MODEL, method, self.data_dir, self.steps)
        loader: dict[int, list[float]] = {workers: [] for workers in self.workers}
        resident: list[float] = []
        with ExitStack() as pools:
            pacers = {lanes: self._pacer(pools, method, lanes) for lanes in self.lanes}
            for _ in range(self.repeats):
                for workers, rates in loader.items():
                    rates.append(by_dataloader(*asked, workers, device))
                resident.append(by_index(*asked, device))
                for pacer in pacers.values():
                    pacer.epoch()
            ours = {lanes: pacer.row()["lane_steps_per_s"] for lanes, pacer in pacers.items()}
        a, b = max(map(median, loader.values())), median(resident)
        best = max(ours.values())
        return {
            "dataloader": a, "resident": b, "vrtune": best,
            "over_dataloader": best / a, "over_resident": best / b, "n": self.repeats,
            "by_workers": {workers: median(rates) for workers, rates in loader.items()},
            "by_lanes": ours,
            "ways": {lanes: "fused" if self.fused[lanes] else "looped" for lanes in ours},
        }  # fmt: skip

    def _pacer(self, pools: ExitStack, method: str, lanes: int) -> Pacer:
        """Lanes that have trained for an epoch, past their first snapshot."""
        limit = samples(self.steps, folds=FOLDS)
        task = Task(dataset="mnist", model=MODEL, folds=FOLDS, epochs=5, limit=limit)
        space = Workspace(task, self.data_dir, self.bench.device)
        if lanes not in self.fused:
            self.fused[lanes] = plan(space, CONFIGS["sgd"], "auto", lanes).fused
        pool = pools.enter_context(pool_of(space, fused=self.fused[lanes]))
        pool.exchange([], dict.fromkeys(range(lanes // FOLDS), CONFIGS[method]))
        pacer = Pacer(self.bench, pool)
        pacer.warm_up(float("inf"))
        return pacer


PART = Part("throughput", 15, cases)
