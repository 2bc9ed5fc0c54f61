"""Shampoo of pytorch_optimizer, an instance a lane by Library, and Shampoo on rows.

    python benchmarks/shampoo.py [--lanes 4 16] [--every 1 10] [--repeats 3]

Milliseconds of a lane's step of LeNet on made images of MNIST's size, in one thread on a CPU, and
what of it a step by SGD takes; ways take turns and the least disturbed counts. Prints a row a case
and writes docs/benchmarks/shampoo-cpu.json.
"""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import torch
from record import asking, write

from vrtune import SGD, Library, Shampoo, Task, TrialConfig
from vrtune.data import Dataset, Part
from vrtune.lanes.device import one_thread
from vrtune.lanes.plan import choose
from vrtune.lanes.rows import Lane, Program
from vrtune.lanes.workspace import Workspace
from vrtune.units import OptimizerSettings

CPU = torch.device("cpu")
BATCH_SIZE, SHAPE = 128, (1, 28, 28)
LR, EPSILON = 1e-6, 1e-4  # so small a step that all ways stay where they began


class Enough(Exception):
    """A measurement ends."""


def made() -> Workspace:
    """LeNet on noise: half of it is an epoch of several batches."""
    n = 8 * BATCH_SIZE
    x = torch.randint(256, (n, *SHAPE), generator=torch.Generator().manual_seed(0)).byte()
    part = Part(x, torch.arange(n) % 10)
    task = Task(dataset="made", model="lenet", folds=2, batch_size=BATCH_SIZE)
    return Workspace(task, Path(), CPU, Dataset("made", 10, part, lambda: part))


def step_ms(
    space: Workspace, rule: OptimizerSettings, lanes: int, steps: int, fused: bool
) -> float:
    """Milliseconds of a lane's step, the mean of as many as lie between two roots; not counting the
    first steps, up to the first root."""
    config = TrialConfig(optimizer=rule)
    group = space.lanes(Program.of(config), fused=fused)
    group.append([Lane(i, config, space.folds[0]) for i in range(lanes)])
    ends: list[float] = []

    def after_step() -> None:
        ends.append(time.perf_counter())
        if len(ends) > 2 * steps:
            raise Enough

    with suppress(Enough):
        while True:
            group.train_epoch(after_step)
    spans = [b - a for a, b in pairwise(ends)]
    return 1000 * sum(spans[-steps:]) / steps / lanes


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--lanes", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--every", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    space, rows = made(), []
    fused = choose(space, "auto") == "fused"
    print("| lanes | every | sgd | library | rows | rows of library |")
    print("|---|---|---|---|---|---|")
    for lanes in arguments.lanes:
        for every in arguments.every:
            options = {"matrix_eps": EPSILON, "preconditioning_compute_steps": every}
            rules: dict[str, OptimizerSettings] = {
                "sgd": SGD(lr=LR),
                "library": Library("pytorch_optimizer.Shampoo", lr=LR, options=options),
                "rows": Shampoo(lr=LR, epsilon=EPSILON, every=every),
            }
            found = dict.fromkeys(rules, float("inf"))
            with one_thread(CPU):
                for _ in range(arguments.repeats):
                    for way, rule in rules.items():
                        ms = step_ms(space, rule, lanes, every, fused)
                        found[way] = min(found[way], ms)
            ratio = found["rows"] / found["library"]
            rows.append({"lanes": lanes, "every": every, **found, "ratio": ratio})
            said = " | ".join(f"{ms:.2f}" for ms in found.values())
            print(f"| {lanes} | {every} | {said} | {ratio:.2f} |", flush=True)
    stem = arguments.output_dir / "shampoo-cpu"
    write(stem, CPU, arguments.repeats, {"batch_size": BATCH_SIZE, "fused": fused, "rows": rows})


if __name__ == "__main__":
    main()
