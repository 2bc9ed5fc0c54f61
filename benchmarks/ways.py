"""Looped over fused: what the rule of vrtune/gradients/choice.py chooses, and what was faster.

    python benchmarks/ways.py [--lanes 4] [--repeats 3] [--models softmax lenet ...]

Milliseconds of a lane's step by SGD among so many lanes, in one thread on a CPU, on made images.
Ways take turns and the least disturbed counts. Prints a row a task: multiplications of a layer with
a batch, on average, and the ratio of looped to fused; writes docs/benchmarks/ways-cpu.json.
"""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch
from record import asking, write

from vrtune import SGD, Task, TrialConfig
from vrtune.data import Dataset, Part
from vrtune.lanes.device import one_thread
from vrtune.lanes.plan import choose
from vrtune.lanes.rows import Lane, Program
from vrtune.lanes.workspace import Workspace

CPU = torch.device("cpu")
CONFIG = TrialConfig(optimizer=SGD(lr=1e-6))
STEPS, ENOUGH_S = 8, 1.0  # of a measurement, at most

Shape = tuple[int, int, int]
DIGITS, MNIST, CIFAR = (1, 16, 16), (1, 28, 28), (3, 32, 32)
CASES: list[tuple[str, Shape, str, int]] = [
    *(("softmax", shape, "none", 32) for shape in (DIGITS, MNIST, CIFAR)),
    ("softmax", DIGITS, "none", 128),
    ("softmax", MNIST, "none", 256),
    *(
        (model, shape, norm, 32)
        for model in ("lenet", "lenet-relu", "sixconv", "resnet18-small")
        for shape in (DIGITS, MNIST, CIFAR)
        for norm in ("none", "batch")
    ),
    *(
        (model, shape, "batch", 16)
        for model in ("resnet110", "densenet40", "resnet18")
        for shape in ((1, 8, 8), CIFAR)
    ),
]


class Enough(Exception):
    """A measurement ends."""


def made(model: str, shape: Shape, norm: str, batch_size: int) -> Workspace:
    """A task on noise of a shape: half of it is an epoch of several batches."""
    n = 4 * batch_size
    x = torch.randint(256, (n, *shape), generator=torch.Generator().manual_seed(0)).byte()
    part = Part(x, torch.arange(n) % 10)
    task = Task(dataset="made", model=model, norm=norm, folds=2, batch_size=batch_size)
    return Workspace(task, Path(), CPU, Dataset("made", 10, part, lambda: part))


def step_ms(space: Workspace, lanes: int, *, fused: bool) -> float:
    """Milliseconds of a lane's step; the first is not counted."""
    group = space.lanes(Program.of(CONFIG), fused=fused)
    group.append([Lane(i, CONFIG, space.folds[0]) for i in range(lanes)])
    ends: list[float] = []

    def after_step() -> None:
        ends.append(time.perf_counter())
        if len(ends) > STEPS or (len(ends) > 1 and ends[-1] - ends[0] > ENOUGH_S):
            raise Enough

    with suppress(Enough):
        while True:
            group.train_epoch(after_step)
    return 1000 * median(b - a for a, b in pairwise(ends)) / lanes


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=[case[0] for case in CASES])
    arguments = parser.parse_args()
    rows = []
    print("| model | images | norm | batch | products | looped | fused | ratio | chosen |")
    print("|---|---|---|---|---|---|---|---|---|")
    for model, shape, norm, batch_size in CASES:
        if model not in arguments.models:
            continue
        space, found = made(model, shape, norm, batch_size), {False: 1e9, True: 1e9}
        with one_thread(CPU):
            for _ in range(arguments.repeats):
                for fused in found:
                    ms = step_ms(space, arguments.lanes, fused=fused)
                    found[fused] = min(found[fused], ms)
        row = {
            "model": model, "images": "x".join(map(str, shape)), "norm": norm, "batch": batch_size,
            "products": space.size.products * batch_size, "looped_ms": found[False],
            "fused_ms": found[True], "ratio": found[False] / found[True],
            "chosen": choose(space, "auto"),
        }  # fmt: skip
        rows.append(row)
        said = [f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()]
        said[4] = f"{row['products'] / 1e6:.2f}M"
        print(f"| {' | '.join(said)} |", flush=True)
    stem = arguments.output_dir / "ways-cpu"
    write(stem, CPU, arguments.repeats, {"lanes": arguments.lanes, "rows": rows})


if __name__ == "__main__":
    main()
