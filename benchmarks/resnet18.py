"""ResNet-18 with and without batch norm by SGD, Adam, SVRG and alpha-SVRG, side by side.

    python benchmarks/resnet18.py --dataset DIR [--limit 50000] [--epochs 200] [--batch 128]

The source's protocol: 5 % held out, pad 4 + random crop + flip, snapshots every 5 epochs, its grids
of learning rates; the defaults are its size, which needs a GPU, and every option makes it smaller.
All learning rates of a method train at once; the one with the lowest validation loss at the end is
said. The test set is not read: resnets.py is the whole protocol, and goes on where it was cut off.
Writes docs/figures/MODEL-methods.json; benchmarks/pictures.py draws its validation losses over
gradient computations.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from record import asking, write

from vrtune import SGD, SVRG, Adam, AlphaSVRG, Task, TrialConfig
from vrtune.lanes.device import choose_device, cores, one_thread
from vrtune.lanes.pool import Pool, finite
from vrtune.lanes.workspace import Workspace

# learning rates: the source's, and for alpha-SVRG those of SVRG
RATES = {
    "sgd": (0.005, 0.01, 0.05, 0.1),
    "adam": (1e-5, 1e-4, 1e-3),
    "svrg": (5e-4, 5e-3, 1e-2),
    "alpha-svrg": (5e-4, 5e-3, 1e-2),
}
SOURCE = {  # test accuracy after 200 epochs (SVRG 150) of the whole training set
    "batch": {"sgd": 0.9221, "adam": 0.9184, "svrg": 0.886},
    "none": {"sgd": 0.8382, "adam": 0.8268, "svrg": 0.8044},
}


def setting(method: str, lr: float, period: int) -> TrialConfig:
    """A method's configuration."""
    if method == "adam":
        return TrialConfig(optimizer=Adam(lr=lr))
    if method == "svrg":
        return TrialConfig(estimator=SVRG(snapshot_period=period), optimizer=SGD(lr=lr))
    if method == "alpha-svrg":
        return TrialConfig(estimator=AlphaSVRG(snapshot_period=period), optimizer=SGD(lr=lr))
    return TrialConfig(optimizer=SGD(lr=lr))


def train(workspace: Workspace, method: str, rates: tuple[float, ...], period: int) -> Any:
    """All learning rates at once; a row for each, with its validation loss after every epoch."""
    pool = Pool(workspace, workspace.folds, fused=workspace.device.type == "cuda")
    pool.exchange([], {i: setting(method, lr, period) for i, lr in enumerate(rates)})
    rows: list[dict[str, Any]] = [
        {"lr": lr, "spent": [], "train_losses": [], "losses": [], "accuracies": []} for lr in rates
    ]
    for _ in range(workspace.task.epochs):
        for trial, state in pool.validate(pool.train_epoch(lambda: None)).items():
            row = rows[trial]
            row["spent"].append(state.gradient_computations)
            row["train_losses"] += finite(state.train_losses)
            row["losses"] += finite(state.losses)
            row["accuracies"] += state.accuracies
    return rows


def main() -> None:
    parser = asking(__doc__, "docs/figures")
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--norms", nargs="+", default=["batch", "none"])
    parser.add_argument("--limit", type=int, default=50000)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--period", type=int, default=5, help="epochs between snapshots")
    parser.add_argument("--holdout", type=float, default=0.05)
    parser.add_argument("--rates", type=int, help="only so many of the largest of each grid")
    arguments = parser.parse_args()
    device = choose_device("auto")
    rows: list[dict[str, Any]] = []
    for norm in arguments.norms:
        task = Task(
            dataset=arguments.dataset, model=arguments.model, norm=norm, limit=arguments.limit,
            holdout=arguments.holdout, epochs=arguments.epochs, batch_size=arguments.batch,
            augment="crop-flip",
        )  # fmt: skip
        workspace = Workspace(task, arguments.data_dir, device, threads=cores(device))
        for method, rates in RATES.items():
            began = time.perf_counter()
            with one_thread(device):
                found = train(
                    workspace, method, rates[-(arguments.rates or 99) :], arguments.period
                )
            best = min(found, key=lambda row: row["losses"][-1] or math.inf)
            rows.append(
                {
                    "norm": norm, "method": method, "best_lr": best["lr"],
                    "loss": best["losses"][-1], "accuracy": best["accuracies"][-1],
                    "gradient_computations": best["spent"][-1],
                    "source_test_accuracy": SOURCE.get(norm, {}).get(method),
                    "seconds": time.perf_counter() - began, "every_lr": found,
                }
            )  # fmt: skip
            shown = {k: v for k, v in rows[-1].items() if k != "every_lr"}
            print("  ".join(f"{k} {v}" for k, v in shown.items()), flush=True)
            stem = arguments.output_dir / f"{arguments.model}-methods"
            write(stem, device, 1, {"rows": rows})  # a long run may be cut off


if __name__ == "__main__":
    main()
