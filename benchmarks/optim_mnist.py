"""SVRG and SGD in a plain loop on MNIST: training loss at equal epochs and at equal gradients.

    python benchmarks/optim_mnist.py DATA_DIR [--limit 10000] [--epochs 10] [--seeds 3]

A net of one hidden layer, and softmax regression; batches of 64, a constant step size, SVRG with a
snapshot an epoch, which costs three gradient computations a batch: so SGD is given the same epochs,
and three times as many. Each at the best of a grid of step sizes, by its mean final training loss
over the seeds, which draw weights and batches. Writes docs/benchmarks/optim-mnist.json.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from statistics import mean, stdev

import torch
from record import asking, write
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vrtune.data import load
from vrtune.optim import SVRG

RATES = (0.1, 0.3, 1.0, 3.0)
COST = 3  # of SVRG's epoch, in SGD's: two gradients a step, and the snapshot's pass
Batch = tuple[Tensor, Tensor]
MODELS: dict[str, Callable[[], nn.Module]] = {
    "one hidden layer of 100": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(784, 100), nn.Tanh(), nn.Linear(100, 10)
    ),
    "softmax regression": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)),
}


def train(model: nn.Module, method: str, lr: float, epochs: int, batches: list[Batch]) -> float:
    """The loop of the README; the mean training loss at the end."""
    made = SVRG if method == "svrg" else torch.optim.SGD
    optimizer = made(model.parameters(), lr=lr)

    def gradient(batch: Batch) -> Tensor:
        images, labels = batch
        optimizer.zero_grad()
        loss = cross_entropy(model(images), labels)
        loss.backward()
        return loss

    for _ in range(epochs):
        order = [batches[i] for i in torch.randperm(len(batches))]
        if isinstance(optimizer, SVRG):
            optimizer.snapshot(order, gradient)
        for batch in order:
            optimizer.step(lambda batch=batch: gradient(batch))
    with torch.no_grad():
        losses = [cross_entropy(model(x), y, reduction="sum").item() for x, y in batches]
    return sum(losses) / sum(len(y) for _, y in batches)


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    part = load("mnist", arguments.data_dir).train
    x, y = part.x[: arguments.limit].float() / 255, part.y[: arguments.limit]
    runs = [
        ("svrg", arguments.epochs, "same epochs"),
        ("sgd", arguments.epochs, "same epochs"),
        ("sgd", COST * arguments.epochs, "same gradient computations"),
    ]
    rows = []
    for name, make in MODELS.items():
        print(f"{name}, {arguments.limit} samples, {arguments.seeds} seeds")
        for method, epochs, beside in runs:
            found: dict[float, list[float]] = {}
            for lr in RATES:
                found[lr] = []
                for seed in range(arguments.seeds):
                    torch.manual_seed(seed)
                    order = torch.randperm(len(y))
                    batches = list(zip(x[order].split(64), y[order].split(64), strict=True))
                    found[lr].append(train(make(), method, lr, epochs, batches))
            means = {lr: mean(losses) for lr, losses in found.items()}
            best = min((lr for lr in means if isfinite(means[lr])), key=means.__getitem__)
            spread = stdev(found[best]) if arguments.seeds > 1 else 0.0
            passes = epochs * (COST if method == "svrg" else 1)
            print(
                f"  {method:<5} {epochs:3} epochs = {passes:3} passes of gradients, lr {best:<5g} "
                f"training loss {mean(found[best]):.5f} +- {spread:.5f}   ({beside})",
                flush=True,
            )
            rows.append(
                {
                    "model": name,
                    "method": method,
                    "epochs": epochs,
                    "passes": passes,
                    "lr": best,
                    "training_losses": {f"{lr:g}": losses for lr, losses in found.items()},
                }
            )
    found = {"limit": arguments.limit, "rows": rows}
    write(arguments.output_dir / "optim-mnist", torch.device("cpu"), arguments.seeds, found)


if __name__ == "__main__":
    main()
