"""SVRG that starts late: test errors beside SGD's, from several starts each.

    python benchmarks/late_starts.py --dataset DIR [--precision tf32]
    python benchmarks/late_starts.py --short --data-dir FOLDER

Defazio & Bottou's study with ResNet-50 on ImageNet (100 epochs, lr 0.1 that falls to a tenth every
30, momentum 0.9, weight decay 1e-4; SVRG from epoch 0, 20, 40, 60 or 80 on), on ResNet-18 and
CIFAR-10 in their place. The test set is read after every epoch, of which nothing depends. What is
cut off goes on: from checkpoints beside --storage, and rows from the record,
docs/benchmarks/late-starts-DEVICE.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial

from full_size_parts.asking import answered, options
from full_size_parts.book import Book
from full_size_parts.costs import Training
from full_size_parts.defazio import SAMPLES, TESTED, config_of, task_of
from full_size_parts.few_images import FEW
from full_size_parts.training import trained

from vrtune import TrialConfig

STARTS = (0.0, 0.2, 0.4, 0.6, 0.8)  # shares of the run; and SGD alone
FALLS = (0.3, 0.6, 0.9)
SHORT = {
    "dataset": FEW, "model": "lenet-relu", "limit": 640, "batch": 32, "epochs": 5, "seeds": 3,
}  # fmt: skip


def asked(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = options(__doc__ or "")
    parser.add_argument("--dataset", default="cifar10", help="its name or a folder of images")
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--lr", type=float, default=0.1)
    return answered(parser, words, lambda given: SHORT)


def configs(given: argparse.Namespace) -> dict[float | None, TrialConfig]:
    """SGD alone, and SVRG by when it starts."""
    alone = {None: config_of("sgd", given.lr, FALLS)}
    return alone | {start: config_of("svrg", given.lr, FALLS, start) for start in STARTS}


def plan(given: argparse.Namespace) -> list[Training]:
    """All trainings at full size."""
    return [
        Training(
            given.model, config, given.limit or SAMPLES, given.epochs, given.batch, given.seeds,
            given.precision, judged=TESTED,
        )
        for config in configs(given).values()
    ]  # fmt: skip


def main() -> None:
    """Fills the record, start by start."""
    given = asked()
    book = Book("late-starts", given, given.seeds)
    task = task_of(given, given.model)
    form = "short-" if given.short else ""
    for start, config in configs(given).items():
        name = f"{form}late-{given.model}-{'sgd' if start is None else start}-{given.precision}"
        book.add({"start": start}, partial(trained, config, task, name, given))


if __name__ == "__main__":
    main()
