"""What checkpoints cost a search, and how often they are written.

    python benchmarks/checkpoints.py [--repeats 5] [--epochs 20]

Runs the same trials on digits without checkpoints, with `--checkpoint auto` and with one after
every epoch, in turn, in one process and fresh studies; for three methods, whose states differ: SGD
(weights), STORM (weights twice more) and SAGA (a table of gradients).

ratio       time of a search, over that of the search without checkpoints beside it (median)
training    seconds that the training thread spent on copies, over the search's time
writing     seconds that the writing thread took, over the search's time
interval    epochs from a checkpoint of a trial to its next, on the average
megabytes   of a checkpoint

Writes docs/benchmarks/checkpoints-cpu.json.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from record import asking, write

from vrtune import Task, search
from vrtune.searching.resuming import Resuming
from vrtune.studies.checkpoints import Checkpoints

SPACES = ("sgd", "storm", "saga")
WAYS: tuple[Any, ...] = ("off", "auto", 1)
TRIALS = 3


class Clock:
    """Seconds spent inside a method, and its calls."""

    def __init__(self, kind: type, name: str) -> None:
        self.seconds, self.calls = 0.0, 0
        method: Callable[..., Any] = getattr(kind, name)

        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                self.seconds += time.perf_counter() - began
                self.calls += 1

        setattr(kind, name, timed)

    def reset(self) -> None:
        self.seconds, self.calls = 0.0, 0


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=Task().epochs)
    arguments = parser.parse_args()
    clocks = Clock(Resuming, "write_due"), Clock(Checkpoints, "write")
    found = {}
    for space in SPACES:
        seen: dict[Any, list[dict[str, float]]] = {way: [] for way in WAYS}
        for repeat in range(arguments.repeats):
            for way in WAYS if repeat % 2 else WAYS[::-1]:
                seen[way].append(_measured(space, way, arguments.epochs, clocks))
        found[space] = {str(way): _summary(seen[way], seen["off"]) for way in WAYS}
        print(space, found[space], flush=True)
    where = arguments.output_dir / "checkpoints-cpu"
    write(where, torch.device("cpu"), arguments.repeats, {"trials": TRIALS, "spaces": found})


def _measured(space: str, way: Any, epochs: int, clocks: tuple[Clock, Clock]) -> dict[str, float]:
    """One search."""
    for clock in clocks:
        clock.reset()
    with tempfile.TemporaryDirectory() as folder:
        sizes: list[int] = []
        storage, began = f"sqlite:///{folder}/studies.db", time.perf_counter()

        def look(event: object) -> None:
            if not sizes:
                files = Path(folder).rglob("trial-*.safetensors")
                sizes.extend(file.stat().st_size for file in files)

        search(
            space, Task(epochs=epochs), trials=TRIALS, jobs=1, sampler="random", pruner="none",
            open=1, retrain=0, checkpoint=way, storage=storage, progress=look,
        )  # fmt: skip
        seconds = time.perf_counter() - began
    training, writing = clocks
    return {
        "seconds": seconds,
        "training": training.seconds / seconds,
        "writing": writing.seconds / seconds,
        "interval": TRIALS * epochs / max(1, writing.calls),
        "megabytes": sizes[0] / 1e6 if sizes else 0.0,
    }


def _summary(seen: list[dict[str, float]], off: list[dict[str, float]]) -> dict[str, float]:
    """Medians."""
    ratios = [one["seconds"] / other["seconds"] for one, other in zip(seen, off, strict=True)]
    medians = {name: statistics.median(one[name] for one in seen) for name in seen[0]}
    return {"ratio": round(statistics.median(ratios), 4)} | {
        name: round(value, 4) for name, value in medians.items()
    }


if __name__ == "__main__":
    main()
