"""Memory: what the check before a search expects against the peak, and a search that runs out."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from gpu_parts.made import CIFAR, FOLDS, MNIST, images, pool_of, samples, workspace
from gpu_parts.running import Bench, Case, Part, Row
from gpu_parts.taken import GB, at_most, begin, peak
from vrtune import SGD, SVRG, Task, TrialConfig, search
from vrtune.events import Event, Halved
from vrtune.lanes.memory import needed
from vrtune.lanes.pool import Pool

CONFIG = TrialConfig(estimator=SVRG(snapshot_period=1), optimizer=SGD(lr=0.01, momentum=0.9))
EPOCHS, STEPS, BATCH = 2, 6, 32  # enough for graphs to be captured
JUDGED = 512  # samples of a lane
ROOM = 3.0  # of the memory that a trial took: several trials don't fit, one does


@dataclass(frozen=True)
class Load:
    """Lanes of a model."""

    model: str
    lanes: int
    fused: bool
    norm: str = "batch"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image."""
        return MNIST if self.model == "lenet" else CIFAR


LOADS = (
    Load("lenet", 64, True, "none"),
    Load("lenet", 512, True, "none"),
    Load("resnet18", 4, True),
    Load("resnet18", 16, True),
    Load("resnet18", 16, False),
    Load("resnet101", 4, False),
    Load("resnet101", 4, True),
    Load("resnet101", 8, False),
)
SMALL = (Load("lenet", 4, True, "none"),)


def cases(bench: Bench) -> Iterator[Case]:
    """The halving first: it is a check, the others are measurements."""
    yield "out of memory halves the slots", partial(_halves, bench)
    for load in SMALL if bench.small else LOADS:
        way = "fused" if load.fused else "looped"
        yield f"{load.model} {way} {load.lanes}", partial(_forecast, bench, load)


def _forecast(bench: Bench, load: Load) -> Row:
    """SVRG with momentum: two epochs, each with its snapshot and its validation."""
    base = begin(bench)
    steps = 1 if bench.small else STEPS
    space = workspace(
        bench.device, samples(steps), load.shape, model=load.model, norm=load.norm, epochs=EPOCHS
    )
    with pool_of(space, fused=load.fused) as pool:
        pool.exchange([], dict.fromkeys(range(load.lanes // FOLDS), CONFIG))
        for _ in range(EPOCHS):
            pool.validate(pool.train_epoch(lambda: None))
        bench.wait()
        found = peak(bench, base)
        judging = _judging(bench, pool)
    expected = needed(space, CONFIG, load.lanes, BATCH, threads=1, fused=load.fused) / GB
    row: Row = {"expected_gb": expected, **found}
    if found:
        row["expected_over_peak"] = expected / found["peak_gb"]
        row["expected_over_reserved"] = expected / found["reserved_gb"]
        row["judging_gb"] = judging["peak_gb"]
    return row


def _judging(bench: Bench, pool: Pool) -> Row:
    """What judging every lane on many samples takes beside what lies there."""
    base, data = begin(bench), pool.workspace.train_data
    for lanes in pool.groups.values():
        index = torch.arange(JUDGED, device=bench.device) % len(data[1])
        lanes.judge(data, index.expand(len(lanes.seats), -1))
    bench.wait()
    return peak(bench, base)


def _halves(bench: Bench) -> Row:
    """A search whose lanes don't fit computes half of them at once, again and again if it must."""
    model, shape = ("lenet", (1, 16, 16)) if bench.small else ("resnet18", CIFAR)
    trials = 4 if bench.small else 8
    task: dict[str, Any] = {"model": model, "norm": "batch", "epochs": 2}
    n = samples(2)
    heard: list[int] = []

    def note(event: Event) -> None:
        if isinstance(event, Halved):
            heard.append(event.lanes)

    with TemporaryDirectory() as folder:
        path = Path(folder) / "made.npz"
        train, test = images(n, shape), images(40, shape, 1)
        arrays = {"x_train": train.x, "y_train": train.y, "x_test": test.x, "y_test": test.y}
        np.savez(path, **{name: tensor.numpy() for name, tensor in arrays.items()})  # type: ignore[arg-type]
        with little_memory(bench, task, n, shape):
            result = search(
                "sgd", Task(dataset=str(path), **task), trials=trials, pruner="none", fuse="on",
                open=trials, jobs=1, device=bench.device.type, retrain=0,
                storage=f"sqlite:///{folder}/studies.db", progress=note,
            )  # fmt: skip
        bench.wait()
    complete = result.trials.complete
    return {"ok": bool(heard) and complete == trials, "lanes_after": heard, "complete": complete}


@contextmanager
def little_memory(
    bench: Bench, task: dict[str, Any], n: int, shape: tuple[int, int, int]
) -> Iterator[None]:
    """Inside, several trials don't fit the device: it has a few times the memory that one took. A
    CPU pretends."""
    if bench.device.type != "cuda":
        with _pretended():
            yield
        return
    base = begin(bench)
    space = workspace(bench.device, n, shape, **task)
    with pool_of(space, fused=True) as pool:
        pool.exchange([], {0: TrialConfig(optimizer=SGD(lr=0.01))})
        for _ in range(task["epochs"]):
            pool.validate(pool.train_epoch(lambda: None))
    took = peak(bench, base)["reserved_gb"]
    del pool, space
    gc.collect()
    with at_most(bench, ROOM * took):
        yield


@contextmanager
def _pretended() -> Iterator[None]:
    """Lanes of more than one trial run out of memory."""
    usual: Any = Pool.train_epoch

    def train_epoch(self: Pool, *arguments: Any) -> Any:
        if sum(len(lanes.seats) for lanes in self.groups.values()) > FOLDS:
            raise torch.OutOfMemoryError("made up")
        return usual(self, *arguments)

    with patch.object(Pool, "train_epoch", train_epoch):
        yield


PART = Part("memory", 13, cases)
