"""The variance-ratio study of Defazio & Bottou (2019), at a size the machine can do.

    python benchmarks/variance.py --dataset DIR [--models lenet-relu resnet18-small] [--limit 5000]

SVRG with a snapshot every epoch, SGD with momentum 0.9 and weight decay 1e-4, batch 128, batch
norm, random crops and flips; with transform locking and without. Measures the variance ratio at 2,
11, 33, 50 and 100 % of the way between snapshots. Writes docs/figures/variance.html and .json.
"""

from __future__ import annotations

import time
from pathlib import Path

from record import asking, write

from vrtune import SGD, SVRG, Task, TrialConfig
from vrtune.diagnosing import diagnose_config
from vrtune.lanes.workspace import choose_device
from vrtune.report.variance import compute, draw


def main() -> None:
    parser = asking(__doc__, "docs/figures")
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--models", nargs="+", default=["lenet-relu", "resnet18-small"])
    parser.add_argument("--limit", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--intervals", type=int, default=4)
    parser.add_argument("--lr", type=float, default=0.1)
    arguments = parser.parse_args()
    config = TrialConfig(
        estimator=SVRG(snapshot_period=1),
        optimizer=SGD(lr=arguments.lr, momentum=0.9, weight_decay=1e-4),
    )
    panels, rows = [], []
    for model in arguments.models:
        for lock in (True, False):
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
            seconds = time.perf_counter() - began
            curves = compute(found)
            title = f"{model}, locking {'on' if lock else 'off'}"
            panels.append((title, curves))
            rows.append({"model": model, "lock": lock, "seconds": seconds, **found.model_dump()})
            print(f"{title} ({seconds:.0f} s)")
            for share, (epochs, ratios) in curves.items():
                line = "  ".join(f"{e:.2f}: {r:.2e}" for e, r in zip(epochs, ratios, strict=True))
                print(f"  {share:4.0%}  {line}", flush=True)
            stem = arguments.output_dir / "variance"  # each time: a long run may be cut off
            write(stem, choose_device("auto"), 1, {"rows": rows}, draw(panels))


if __name__ == "__main__":
    main()
