"""What TF32 and bfloat16 do to the result, and to the time.

    python benchmarks/precision.py [--dataset digits] [--data-dir DIR] [--epochs 10] [--lr 0.1 0.3]

Trains the same lanes (LeNet, SGD, 4 folds) in every precision the device has, one after another.
Prints CV loss, accuracy and seconds; writes docs/benchmarks/precision-DEVICE.json.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import fmean

from record import asking, write

from vrtune import SGD, Task, TrialConfig
from vrtune.lanes.device import choose_device, one_thread
from vrtune.lanes.plan import plan
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--lr", type=float, nargs="+", default=[0.1, 0.3])
    arguments = parser.parse_args()
    device = choose_device("auto")
    names = ["float32", "bfloat16"] if device.type == "cpu" else ["float32", "tf32", "bfloat16"]
    rows = []
    for precision in names:
        task = Task(
            dataset=arguments.dataset,
            epochs=arguments.epochs,
            limit=arguments.limit,
            precision=precision,
        )
        workspace = Workspace(task, arguments.data_dir, device)
        configs = [TrialConfig(optimizer=SGD(lr=lr)) for lr in arguments.lr]
        with one_thread(device):
            chosen = plan(workspace, configs[0], "auto", task.folds * len(arguments.lr))
            pool = Pool(workspace, workspace.folds, fused=chosen.fused, most=chosen.most)
            pool.exchange([], dict(enumerate(configs)))
            began = time.perf_counter()
            for _ in range(task.epochs):
                losses = pool.train_epoch(lambda: None)
            seconds = time.perf_counter() - began
            judged = pool.validate(losses)
        for number, lr in enumerate(arguments.lr):
            row = {
                "precision": precision,
                "lr": lr,
                "way": chosen.way,
                "loss": fmean(judged[number].losses),
                "accuracy": fmean(judged[number].accuracies),
                "seconds": seconds,
            }
            rows.append(row)
            print("  ".join(f"{k} {v:.4f}" if isinstance(v, float) else v for k, v in row.items()))
    stem = arguments.output_dir / f"precision-{device.type}"
    write(stem, device, 1, {"rows": rows})


if __name__ == "__main__":
    main()
