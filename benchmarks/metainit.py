"""MetaInit without norm layers: the gradient quotient, and the largest step size that trains.

    python benchmarks/metainit.py --dataset DIR [--model resnet18-small] [--limit 2000] [--epochs 2]

Plain SGD with the default init and after MetaInit, all step sizes at once. A step size trains if
the training loss of the last epoch is finite and below that of guessing. Writes
docs/figures/metainit-MODEL.json.
"""

from __future__ import annotations

import math
from pathlib import Path

from record import asking, write

from vrtune import SGD, Default, MetaInit, Task, TrialConfig
from vrtune.diagnosing.measure import quotient
from vrtune.lanes.device import choose_device, cores, one_thread
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace
from vrtune.units import InitSettings


def main() -> None:
    parser = asking(__doc__, "docs/figures")
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--model", default="resnet18-small")
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=200, help="of MetaInit")
    parser.add_argument("--lr", type=float, nargs="+", default=[0.01, 0.03, 0.1, 0.3, 1.0])
    arguments = parser.parse_args()
    task = Task(
        dataset=arguments.dataset, model=arguments.model, norm="none", limit=arguments.limit,
        epochs=arguments.epochs, batch_size=arguments.batch,
    )  # fmt: skip
    device = choose_device("auto")
    workspace = Workspace(task, arguments.data_dir, device, threads=cores(device))
    guess = math.log(workspace.dataset.classes)
    inits: dict[str, InitSettings] = {
        "default": Default(), "metainit": MetaInit(steps=arguments.steps)
    }  # fmt: skip
    rows = []
    with one_thread(device):
        for name, init in inits.items():
            pool = Pool(workspace, workspace.seeds(1), fused=False)
            pool.exchange([], {0: TrialConfig(optimizer=SGD(lr=0.1), init=init)})
            (lanes,) = pool.groups.values()
            row = {"init": name, "gradient_quotient": float(quotient(lanes)[0])}
            start = lanes.rows.W.clone()
            pool = Pool(workspace, workspace.seeds(1), fused=False)
            configs = [TrialConfig(optimizer=SGD(lr=lr)) for lr in arguments.lr]
            pool.exchange([], dict(enumerate(configs)))
            (lanes,) = pool.groups.values()
            lanes.rows.W.copy_(start.expand_as(lanes.rows.W))
            for epoch in range(1, task.epochs + 1):
                losses = pool.train_epoch(lambda: None)
                for trial, lr in enumerate(arguments.lr):
                    (loss,) = losses[trial]
                    row[f"loss at lr {lr}"] = loss if math.isfinite(loss) else None
                    print(f"{name}: lr {lr}, epoch {epoch}: training loss {loss:.3f}", flush=True)
            trained = [
                lr for lr in arguments.lr
                if (row[f"loss at lr {lr}"] or math.inf) < guess - 0.05
            ]  # fmt: skip
            row["largest_lr"] = max(trained, default=None)
            rows.append(row)
            print(row)
    write(arguments.output_dir / f"metainit-{arguments.model}", device, 1, {"rows": rows})


if __name__ == "__main__":
    main()
