"""Memory of SAGA's tables: what the check before a search expects, and what a training takes.

    python benchmarks/table_memory.py [--model lenet] [--samples 4000] [--lanes 2] [--batch 32]

Each store in a process of its own, for an epoch of made images of MNIST's size; what the same
training takes with plain gradients is taken off. Writes docs/benchmarks/table-memory-MODEL.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from record import asking, write

from vrtune import SAGA, SGD, Task, TrialConfig
from vrtune.data import Dataset, Part
from vrtune.lanes.device import one_thread
from vrtune.lanes.memory import GB
from vrtune.lanes.pool import Pool
from vrtune.lanes.tables import table_bytes
from vrtune.lanes.workspace import Workspace

STORES = ("naive", "factored", "svd", "partition")
CPU = torch.device("cpu")


def one(given: argparse.Namespace) -> dict[str, Any]:
    """Bytes at the peak of an epoch, and those expected of the tables and of single gradients."""
    n = given.samples
    x, y = torch.randint(0, 256, (n, 1, 28, 28), dtype=torch.uint8), torch.arange(n) % 10
    dataset = Dataset("made", 10, Part(x, y), lambda: Part(x, y))
    task = Task(dataset="made", model=given.model, batch_size=given.batch, epochs=1)
    workspace = Workspace(task, Path(), CPU, dataset)
    method = {} if given.store == "plain" else {"estimator": SAGA(table=given.store)}
    config = TrialConfig(optimizer=SGD(lr=0.01), **method)
    table, brief = table_bytes(workspace, config, n, given.batch)
    with one_thread(CPU):
        pool = Pool(workspace, workspace.seeds(given.lanes), fused=False)
        pool.exchange([], {0: config})
        pool.train_epoch(lambda: None)
    (lanes,) = pool.groups.values()
    state = lanes.rows.estimator.state.items()
    held = sum(t.numel() * t.element_size() for name, t in state if name.startswith("table"))
    return {
        "expected": given.lanes * table,
        "brief": given.lanes * brief,
        "held": held,
        "peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--model", default="lenet")
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--store", choices=("plain", *STORES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.store:
        print(json.dumps(one(given)))
        return
    found = {}
    for store in ("plain", *STORES):
        said = subprocess.check_output([sys.executable, *sys.argv, "--store", store], text=True)
        found[store] = json.loads(said)
    rows = []
    for store in STORES:
        made = found[store]
        rows.append({
            "store": store,
            "expected_gb": round(made["expected"] / GB, 4),
            "held_gb": round(made["held"] / GB, 4),
            "singles_expected_gb": round(made["brief"] / GB, 4),
            "peak_above_plain_gb": round((made["peak"] - found["plain"]["peak"]) / GB, 4),
        })  # fmt: skip
        print(
            "{store:10} table {expected_gb:.3f} GB expected, {held_gb:.3f} held; single gradients "
            "{singles_expected_gb:.3f}; peak above plain's {peak_above_plain_gb:.3f}".format(
                **rows[-1]
            )
        )
    about = {"model": given.model, "samples": given.samples, "lanes": given.lanes}
    stem = given.output_dir / f"table-memory-{given.model}"
    write(stem, CPU, 1, {**about, "batch": given.batch, "rows": rows})


if __name__ == "__main__":
    main()
