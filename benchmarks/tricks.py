"""What every trick for small nets on a CPU saves of a search: with all of them, and without one.

    python benchmarks/tricks.py [--trials 8] [--repeats 5] [--tricks loops tanh ...]
        [--dataset digits] [--data-dir DIR] [--limit N] [--epochs 20] [--open 4]

A search of STORM with LeNet and 4 folds in one process on one core, as each process of a search has
it. Settings are random and no trial is pruned, so all runs do the same work. Each is a process of
its own; those with and without a trick take turns, in either order. Without

loops    lanes don't stand side by side as channels, and no loop is compiled by Numba: the faster of
         vmap and one lane after another, by PyTorch's layers
tanh     tanh is PyTorch's, and so is the pooling after it
joined   tanh and the pooling after it are not one loop: our tanh, PyTorch's pooling
blocks   all rows are one call; a search takes more rows than a block has with --open 16, say
memory   glibc may give a step's memory back to the system

Prints medians over the pairs: seconds of the whole process, and of processors. A ratio (without
over with) of 1.1 means that the search would take a tenth longer.
Writes docs/benchmarks/tricks-DATASET[-OPEN]-cpu.json.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from record import asking, write
from torch import nn

from vrtune import Task, search
from vrtune.gradients.cpu import side_by_side
from vrtune.lanes import device


def loops() -> None:
    side_by_side.suits = lambda module: False


def tanh() -> None:
    from vrtune.gradients.cpu import samples_last  # imports a compiler

    joined()
    del samples_last.LAYERS[nn.Tanh]


def joined() -> None:
    from vrtune.gradients.cpu import samples_last

    samples_last.join_pooling = lambda body: None


def blocks() -> None:
    side_by_side.BLOCK = sys.maxsize


def memory() -> None:
    device.keep_memory = lambda: None


TRICKS: dict[str, Callable[[], None]] = {  # each leaves one out
    "loops": loops,
    "tanh": tanh,
    "joined": joined,
    "blocks": blocks,
    "memory": memory,
}
NONE = "nothing"
OPEN = 4  # trials


def one(arguments: argparse.Namespace) -> None:
    """The search, in this process."""
    if arguments.without != NONE:
        TRICKS[arguments.without]()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    task = Task(dataset=arguments.dataset, limit=arguments.limit, epochs=arguments.epochs)
    with tempfile.TemporaryDirectory() as folder:
        search(
            "storm", task, trials=arguments.trials, open=arguments.open,
            sampler="random", pruner="none", jobs=1, retrain=0, data_dir=arguments.data_dir,
            storage=f"sqlite:///{folder}/studies.db",
        )  # fmt: skip


def seconds(without: str) -> dict[str, float]:
    """Of a process that searches."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *sys.argv, "--without", without])
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, f"the search without {without} failed"
    return {"whole": time.perf_counter() - began, "processors": used.ru_utime + used.ru_stime}


def compare(trick: str, repeats: int) -> dict[str, float | str]:
    """Medians with and without a trick, and of the ratios of neighbours in time."""
    pairs = []
    for repeat in range(repeats):
        order = [NONE, trick] if repeat % 2 else [trick, NONE]
        found = {without: seconds(without) for without in order}
        pairs.append((found[NONE], found[trick]))
    row: dict[str, float | str] = {"trick": trick}
    for kind in ("whole", "processors"):
        row[f"{kind}_with"] = median(on[kind] for on, _ in pairs)
        row[f"{kind}_without"] = median(off[kind] for _, off in pairs)
        row[f"{kind}_ratio"] = median(off[kind] / on[kind] for on, off in pairs)
    return row


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tricks", nargs="+", default=list(TRICKS), choices=list(TRICKS))
    parser.add_argument("--dataset", default=Task().dataset)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--limit", type=int)
    parser.add_argument("--epochs", type=int, default=Task().epochs)
    parser.add_argument("--open", type=int, default=OPEN, help="trials under way at once")
    parser.add_argument("--without", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.without:
        one(arguments)
        return
    rows = []
    for trick in arguments.tricks:
        rows.append(compare(trick, arguments.repeats))
        print(
            "{trick:7} {whole_with:6.1f} s, without {whole_without:6.1f} s: {whole_ratio:.2f}x; "
            "processors {processors_with:6.1f} s, without {processors_without:6.1f} s: "
            "{processors_ratio:.2f}x".format(**rows[-1]),
            flush=True,
        )
    many = "" if arguments.open == OPEN else f"-{arguments.open}"
    stem = arguments.output_dir / f"tricks-{arguments.dataset}{many}-cpu"
    write(stem, torch.device("cpu"), arguments.repeats, {"rows": rows})


if __name__ == "__main__":
    main()
