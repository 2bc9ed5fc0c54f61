"""SAGA against SGD, plain and with Nesterov's momentum: document 002's figures 1 and 2.

    python benchmarks/saga.py [--data-dir DIR] [--only softmax-mnist ...] [--epochs N] [--limit N]

softmax-mnist, softmax-cifar10: softmax regression on the whole training set (or --limit of it), all
methods from one initialisation with one step size, as the document has it; SAGA's table holds
inputs and output gradients, which is the exact table. sixconv-mnist, sixconv-cifar10: the net of
six convolutions, after Adam has brought it near a minimum; SAGA's table is a partition's, as that
of single samples would take 11 thousand numbers a sample.

The document gives no step size, batch size or number of epochs: those here are at the top of the
file. Prints a line an epoch, and writes docs/benchmarks/saga.json, keeping what it does not run.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Literal

import torch
from record import asking, write

from vrtune import SAGA, SGD, Adam, Task, TrialConfig
from vrtune.lanes import Lane
from vrtune.lanes.device import choose_device, cores, one_thread
from vrtune.lanes.plan import choose
from vrtune.lanes.rows import Program
from vrtune.lanes.workspace import Workspace

BATCH, MOMENTUM, WARM = 128, 0.9, 3e-3
Table = Literal["partition", "factored"]
RUNS: dict[str, dict[str, Any]] = {
    "softmax-mnist": {"dataset": "mnist", "model": "softmax", "lr": 0.1, "epochs": 20},
    "softmax-cifar10": {"dataset": "cifar10", "model": "softmax", "lr": 0.01, "epochs": 20},
    "sixconv-mnist": {"dataset": "mnist", "model": "sixconv", "lr": 0.002, "epochs": 10,
                      "warm": 15, "limit": 6_000},
    "sixconv-cifar10": {"dataset": "cifar10", "model": "sixconv", "lr": 0.002, "epochs": 10,
                        "warm": 15, "limit": 6_000},
}  # fmt: skip


def methods(lr: float, table: Table) -> dict[str, TrialConfig]:
    """The document's four, with one step size: accelerated ones take lr (1 - momentum), so that a
    gradient moves the weights as far in the end."""
    slow = SGD(lr=lr * (1 - MOMENTUM), momentum=MOMENTUM, nesterov=True)
    saga = SAGA(table=table)
    return {
        "SGD": TrialConfig(optimizer=SGD(lr=lr)),
        "SAGA": TrialConfig(estimator=saga, optimizer=SGD(lr=lr)),
        "Nesterov SGD": TrialConfig(optimizer=slow),
        "Nesterov SAGA": TrialConfig(estimator=saga, optimizer=slow),
    }


def train(
    workspace: Workspace, config: TrialConfig, epochs: int, start: torch.Tensor | None
) -> tuple[list[dict[str, float]], torch.Tensor]:
    """Losses and accuracies on both sets before the first epoch and after each, and the weights."""
    fused = choose(workspace, "auto") == "fused"
    lanes = workspace.lanes(Program.of(config), fused=fused)
    lanes.append([Lane(0, config, workspace.seeds(1)[0])])
    if start is not None:
        lanes.rows.W.copy_(start)
    test = workspace.on_device(workspace.dataset.read_test())
    parts = {
        "train": (workspace.train_data, workspace.indices),
        "test": (test, torch.arange(len(test[1]))),
    }
    course = []
    for epoch in range(epochs + 1):
        if epoch:
            lanes.train_epoch()
        point: dict[str, float] = {"epoch": epoch}
        for name, (data, index) in parts.items():
            judged = lanes.judge(data, index.unsqueeze(0).to(lanes.device))
            point[f"{name}_loss"] = float(judged.loss[0])
            point[f"{name}_accuracy"] = float(judged.metrics["accuracy"][0])
        course.append(point)
    return course, lanes.rows.W.clone()


def run(name: str, given: Any, device: torch.device) -> dict[str, Any]:
    asked = {**RUNS[name], **{k: v for k, v in vars(given).items() if v and k in RUNS[name]}}
    limit, warm = given.limit or asked.get("limit"), asked.get("warm", 0)
    dataset = given.cifar10 if given.cifar10 and asked["dataset"] == "cifar10" else asked["dataset"]
    task = Task(
        dataset=dataset, model=asked["model"], batch_size=BATCH, limit=limit,
        epochs=max(warm, asked["epochs"]),
    )  # fmt: skip
    workspace = Workspace(task, given.data_dir, device, threads=cores(device))
    began, start = time.perf_counter(), None
    row: dict[str, Any] = {
        "run": name, "lr": asked["lr"], "batch": BATCH, "samples": len(workspace.indices),
        "test_samples": len(workspace.dataset.read_test().y), "warm_epochs": warm,
        "momentum": MOMENTUM, "table": "partition" if warm else "factored",
    }  # fmt: skip
    if warm:
        course, start = train(workspace, TrialConfig(optimizer=Adam(lr=WARM)), warm, None)
        row["warm"] = course[-1]
        print(f"{name}, {warm} epochs of Adam: train loss {course[-1]['train_loss']:.4g}")
    row["courses"] = {}
    for method, config in methods(asked["lr"], row["table"]).items():
        row["courses"][method], _ = train(workspace, config, asked["epochs"], start)
        last = row["courses"][method][-1]
        print(
            f"{name} {method:14} {last['epoch']:3} epochs: train loss {last['train_loss']:.5f} "
            f"{last['train_accuracy']:.4f}, test loss {last['test_loss']:.5f} "
            f"{last['test_accuracy']:.4f}  ({time.perf_counter() - began:.0f} s)",
            flush=True,
        )
    row["seconds"] = round(time.perf_counter() - began, 1)
    return row


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--cifar10", help="a folder of its images, in place of what is downloaded")
    parser.add_argument("--only", nargs="+", choices=list(RUNS), default=list(RUNS))
    parser.add_argument("--epochs", type=int, help="after the warm start, in place of the table's")
    parser.add_argument("--limit", type=int, help="training samples")
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    device, record = choose_device(given.device), given.output_dir / "saga.json"
    rows = json.loads(record.read_text())["rows"] if record.exists() else []
    with one_thread(device):
        for name in given.only:
            rows = [row for row in rows if row["run"] != name] + [run(name, given, device)]
            write(given.output_dir / "saga", device, 1, {"rows": rows})


if __name__ == "__main__":
    main()
