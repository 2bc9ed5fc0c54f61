"""The source's deep nets with batch norm and without, by every method, tested at the end.

    python benchmarks/resnets.py --dataset DIR [--precision bfloat16]                  # ResNet-18
    python benchmarks/resnets.py --model resnet101 --dataset DIR --methods sgd adam svrg alpha-svrg
    python benchmarks/resnets.py --model resnet101 --dataset DIR --norms none \
        --methods svrg svrg-metainit --name metainit
    python benchmarks/resnets.py --short --data-dir FOLDER                             # a CPU form

Its protocol: 5 % held out, batch 128, 200 epochs (SVRG 150, snapshots every 5), pad 4 + crop +
flip, its grids. The setting with the lowest validation loss at the end is trained again on all
samples from several seeds, and these alone are tested. Settings of a method train side by side.
What is cut off goes on: settings from checkpoints beside --storage, rows from the record,
docs/benchmarks/resnets-MODEL-DEVICE.json. With --short --model resnet101 images are made, 8x8 in
100 classes: CIFAR-100's number of outputs and nothing else of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import Any

from full_size_parts.asking import answered, options
from full_size_parts.book import Book
from full_size_parts.costs import Training
from full_size_parts.few_images import FEW
from full_size_parts.made_images import HUNDRED
from full_size_parts.protocol import DEEP, METHODS, SOURCE, epochs_of, grid_of, space_of
from full_size_parts.tuning import tuned

from vrtune import Task

SHORT = {
    "model": "resnet18-small", "dataset": FEW, "limit": 600, "holdout": 0.2, "batch": 32,
    "epochs": 3, "seeds": 1, "trials": 2,
}  # fmt: skip
SHORT_DEEP = {
    "dataset": HUNDRED, "holdout": 0.5, "batch": 50, "epochs": 1, "seeds": 1, "trials": 1
}  # fmt: skip
SAMPLES = 50_000  # of CIFAR-10 and of CIFAR-100


def asked(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = options(__doc__ or "")
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--dataset", default="cifar10", help="its name or a folder of images")
    parser.add_argument("--norms", nargs="+", choices=("batch", "none"), default=["batch", "none"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS[:-1]])
    parser.add_argument("--holdout", type=float, default=0.05)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--trials", type=int, help="only so many points of each grid")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of the chosen setting")
    parser.add_argument("--name", default="resnets", help="of the record")
    deep: dict[bool, dict[str, Any]] = {True: SHORT_DEEP, False: SHORT}
    return answered(parser, words, lambda given: deep[given.model == DEEP])


def plan(given: argparse.Namespace) -> list[Training]:
    """All trainings at full size: each grid side by side, then its choice from each seed."""
    found = []
    for _ in given.norms:
        for method in given.methods:
            grid = grid_of(method, given.model)[: given.trials]
            held = round(given.holdout * (given.limit or SAMPLES))
            whole = partial(
                Training, given.model, grid[0], epochs=epochs_of(method, given.epochs),
                batch=given.batch, precision=given.precision,
            )  # fmt: skip
            samples = given.limit or SAMPLES
            found.append(whole(samples=samples - held, lanes=len(grid), judged=held))
            found.append(whole(samples=samples, lanes=given.seeds))
    return found


def main() -> None:
    """Fills the record, row by row."""
    given = asked()
    book = Book(f"{given.name}-{given.model}", given, given.seeds)
    for norm in given.norms:
        for method in given.methods:
            task = Task(
                dataset=given.dataset, model=given.model, norm=norm, limit=given.limit,
                holdout=given.holdout, epochs=epochs_of(method, given.epochs),
                batch_size=given.batch, augment="crop-flip", precision=given.precision,
            )  # fmt: skip
            form = "short " if given.short else ""
            name = f"{form}{given.model} {norm} {method} {given.precision}".replace(" ", "-")
            source = SOURCE.get((given.model, norm), {}).get(method)
            key = {"norm": norm, "method": method, "epochs": task.epochs}
            space = space_of(method, given.model)
            book.add(
                {**key, "source_test_accuracy": source}, partial(tuned, space, task, name, given)
            )


if __name__ == "__main__":
    main()
