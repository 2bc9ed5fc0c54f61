"""A real search with its retraining: where its time goes, and how full its slots are."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from gpu_parts.running import Bench, Case, Part, Row
from vrtune import Task, search
from vrtune.events import Event, Planned, TimeSpent

TRIALS, EPOCHS = 256, 20
KEPT = 0.6  # of the time that is left: no trial starts after it


def cases(bench: Bench) -> Iterator[Case]:
    """LeNet on digits, a method at a time."""
    for space in ("sgd",) if bench.small else ("sgd", "storm", "svrg"):
        yield f"{space} digits", partial(_search, bench, space)


def _search(bench: Bench, space: str) -> Row:
    """One search in a fresh study, in this process alone where there is a GPU."""
    small = bench.small
    trials, epochs, limit = (4, 2, 160) if small else (TRIALS, EPOCHS, None)
    extra: dict[str, Any] = {"fuse": "off", "open": 2, "retrain_seeds": 1} if small else {}
    plans: list[str] = []
    sheets: list[dict[str, float]] = []

    def note(event: Event) -> None:
        if isinstance(event, Planned):
            plans.append(event.text)
        if isinstance(event, TimeSpent):
            sheets.append(event.times)

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        result = search(
            space, Task(dataset="digits", epochs=epochs, limit=limit), trials=trials, jobs=1,
            device=bench.device.type, storage=f"sqlite:///{folder}/studies.db", progress=note,
            timeout=None if bench.left() == float("inf") else KEPT * bench.left(), **extra,
        )  # fmt: skip
        wall = time.perf_counter() - began
    (sheet,) = sheets
    assert result.best is not None
    assert result.retrain is not None
    parts = ("training", "judging", "seating", "beside")
    spent = {what: sheet[what] / sheet["total"] for what in parts}
    return {
        "plan": plans[0],
        "complete": result.trials.complete,
        "pruned": result.trials.pruned,
        "gradient_computations": result.gradient_computations,
        "wall_s": wall,
        "search_s": sheet["wall"],
        "occupancy": result.occupancy,
        "outside_training": 1 - spent["training"],
        "storage_sampler_pruner": result.outside,
        **{f"{what}_share": share for what, share in spent.items()},
        "best_loss": result.best.value,
        "test_accuracy": result.retrain.test_accuracy.mean,
    }


PART = Part("search", 14, cases)
