"""The variance-ratio study of Defazio & Bottou (2019): how much variance SVRG leaves.

    python benchmarks/variance.py --dataset DIR                   # their four nets, 250 epochs
    python benchmarks/variance.py --short --data-dir FOLDER       # a CPU form

SVRG with a snapshot every epoch, SGD with momentum 0.9 and weight decay 1e-4, batch 128, batch
norm, random crops and flips; with transform locking and without. Measures the ratio of variances,
the distance to the snapshot and the curvature at 2, 11, 33, 50 and 100 % of the way between
snapshots. A training that was cut off begins anew, those before it are kept, in
docs/benchmarks/variance-DEVICE.json; benchmarks/pictures.py draws records of this kind.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import Any

from full_size_parts.asking import answered, options
from full_size_parts.book import Book
from full_size_parts.costs import Training
from full_size_parts.defazio import FALLS, NETS, SAMPLES, config_of, task_of
from full_size_parts.few_images import FEW

from vrtune.diagnosing.diagnose import SHARES, diagnose_config
from vrtune.figures.variance import curves

SHORT = {
    "dataset": FEW, "limit": 40, "batch": 10, "epochs": 1, "intervals": 1, "locks": ["on"],
}  # fmt: skip


def asked(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = options(__doc__ or "")
    parser.add_argument("--dataset", default="cifar10", help="its name or a folder of images")
    parser.add_argument("--models", nargs="+", default=[*NETS])
    parser.add_argument("--locks", nargs="+", choices=("on", "off"), default=["on", "off"])
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--intervals", type=int, default=25, help="that are measured on, at most")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument(
        "--falls", type=float, nargs="*", default=[*FALLS],
        help="shares of the run at which lr falls to a tenth; none: it stays",
    )  # fmt: skip
    return answered(parser, words, lambda given: SHORT)


def plan(given: argparse.Namespace) -> list[Training]:
    """All trainings at full size, with their readings."""
    readings = len(SHARES) * min(given.intervals, given.epochs)
    config = config_of("svrg", given.lr, tuple(given.falls))
    return [
        Training(
            model, config, given.limit or SAMPLES, given.epochs, given.batch,
            precision=given.precision, readings=readings,
        )
        for model, _ in product(given.models, given.locks)
    ]  # fmt: skip


def measured(given: argparse.Namespace, model: str, lock: bool) -> dict[str, Any]:
    """One training with its measurements."""
    found = diagnose_config(
        config_of("svrg", given.lr, tuple(given.falls)),
        task_of(given, model, lock=lock),
        intervals=given.intervals,
        data_dir=given.data_dir,
    )
    for share, (epochs, ratios) in curves(found).items():
        line = "  ".join(f"{e:.2f}: {r:.2e}" for e, r in zip(epochs, ratios, strict=True))
        print(f"  {share:4.0%}  {line}", flush=True)
    return found.model_dump(mode="json")


def main() -> None:
    """Fills the record, training by training."""
    given = asked()
    book = Book("variance", given, 1)
    for model, lock in product(given.models, [word == "on" for word in given.locks]):
        book.add({"model": model, "lock": lock}, partial(measured, given, model, lock))


if __name__ == "__main__":
    main()
