"""What a search spends outside training, and how full its slots are.

    python benchmarks/overhead.py [--space sgd] [--trials 64] [--pruner hyperband] [--storage URL]

Runs a real search on digits (LeNet, 4 folds, 20 epochs) in a fresh study, and prints the shares of
the search processes' time. Writes docs/benchmarks/overhead-DEVICE.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import torch

from vrtune import Task, search
from vrtune.storage import open_storage
from vrtune.studies import load_study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", default="sgd")
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--pruner", default="hyperband")
    parser.add_argument("--storage", help="a fresh SQLite file if not given")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        storage = arguments.storage or f"sqlite:///{folder}/studies.db"
        name = f"overhead-{time.time():.0f}"
        began = time.perf_counter()
        result = search(
            arguments.space, Task(), trials=arguments.trials, pruner=arguments.pruner,
            study=name, storage=storage, retrain=0,
        )  # fmt: skip
        wall = time.perf_counter() - began
        kept = load_study(open_storage(storage), name, storage).user_attrs["searches"][0]
    total = kept["total"]
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    record = {
        "command": " ".join(["python", *sys.argv]),
        "device": device,
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "plan": f"{kept['plan']}, {kept['processes']} processes",
        "complete": result.trials.complete,
        "pruned": result.trials.pruned,
        "gradient_computations": result.gradient_computations,
        "wall_s": round(wall, 1),
        "training": kept["training"] / total,
        "judging": kept["judging"] / total,
        "seating": kept["seating"] / total,
        "outside": kept["outside"],
        "started_up": 1 - total / kept["processes"] / wall,
        "occupancy": kept["occupancy"],
    }
    for key, value in record.items():
        share = isinstance(value, float) and value < 1
        print(f"{key:22} {f'{value:.2%}' if share else value}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    path = arguments.out / f"overhead-{kind}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
