"""The variance-ratio study of Defazio & Bottou (2019), at a size the machine can do.

    python benchmarks/variance.py --dataset DIR [--models lenet-relu resnet18-small] [--limit 5000]

SVRG with a snapshot every epoch, SGD with momentum 0.9 and weight decay 1e-4, batch 128, batch
norm, random crops and flips; with transform locking and without; a process for each. Measures the
variance ratio at 2, 11, 33, 50 and 100 % of the way between snapshots. Writes
docs/figures/variance.json, after each training anew; benchmarks/pictures.py draws it.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path

from record import asking, write

from vrtune import SGD, SVRG, Task, TrialConfig
from vrtune.diagnosing.diagnose import diagnose_config
from vrtune.figures.variance import curves
from vrtune.lanes.device import choose_device
from vrtune.studies.diagnosed import Diagnosis


def train(
    model: str, lock: bool, arguments: argparse.Namespace
) -> tuple[str, bool, Diagnosis, float]:
    """One training with its measurements, and its seconds."""
    config = TrialConfig(
        estimator=SVRG(snapshot_period=1),
        optimizer=SGD(lr=arguments.lr, momentum=0.9, weight_decay=1e-4),
    )
    task = Task(
        dataset=arguments.dataset,
        model=model,
        norm="batch",
        limit=arguments.limit,
        epochs=arguments.epochs,
        batch_size=128,
        augment="crop-flip",
        lock_transforms=lock,
    )
    began = time.perf_counter()
    found = diagnose_config(
        config, task, intervals=arguments.intervals, data_dir=arguments.data_dir
    )
    return model, lock, found, time.perf_counter() - began


def main() -> None:
    parser = asking(__doc__, "docs/figures")
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--models", nargs="+", default=["lenet-relu", "resnet18-small"])
    parser.add_argument("--limit", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--intervals", type=int, default=4)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trainings at a time")
    arguments = parser.parse_args()
    wanted = list(product(arguments.models, (True, False)))
    done: dict[tuple[str, bool], tuple[Diagnosis, float]] = {}
    with ProcessPoolExecutor(arguments.jobs, get_context("spawn")) as pool:
        one = partial(train, arguments=arguments)
        for ended in as_completed([pool.submit(one, model, lock) for model, lock in wanted]):
            model, lock, found, seconds = ended.result()
            done[model, lock] = found, seconds
            print(f"{title(model, lock)} ({seconds:.0f} s)")
            for share, (epochs, ratios) in curves(found).items():
                line = "  ".join(f"{e:.2f}: {r:.2e}" for e, r in zip(epochs, ratios, strict=True))
                print(f"  {share:4.0%}  {line}", flush=True)
            ordered = [(key, *done[key]) for key in wanted if key in done]
            rows = [
                {"model": model, "lock": lock, "seconds": seconds, **found.model_dump(mode="json")}
                for (model, lock), found, seconds in ordered
            ]
            write(arguments.output_dir / "variance", choose_device("auto"), 1, {"rows": rows})


def title(model: str, lock: bool) -> str:
    return f"{model}, locking {'on' if lock else 'off'}"


if __name__ == "__main__":
    main()
