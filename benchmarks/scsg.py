"""SCSG and SVRG against SGD: test errors of several runs, and how fast a mega-batch grows stale.

    python benchmarks/scsg.py --dataset DIR
    python benchmarks/scsg.py --short --data-dir FOLDER

Defazio & Bottou's two studies of the streaming variant on CIFAR-10. Test errors: LeNet (lr 0.1) and
ResNet-110 (lr 0.05), 250 epochs, 10 runs each, all lanes of a method side by side; the test set is
read after every epoch, of which nothing depends. Staleness: the variance of the estimate over that
of the plain gradient at every step after a mega-batch of 10 batches, on their four nets. What is
cut off goes on: trainings from checkpoints beside --storage, and rows from the record,
docs/benchmarks/scsg-DEVICE.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import Any

from full_size_parts.asking import answered, options
from full_size_parts.book import Book
from full_size_parts.costs import Training
from full_size_parts.defazio import FALLS, MEGA, NETS, SAMPLES, TESTED, config_of, task_of
from full_size_parts.few_images import FEW
from full_size_parts.training import trained

from vrtune.diagnosing.diagnose import diagnose_config

METHODS = ("sgd", "svrg", "scsg")
RATE, RATES = 0.1, {"resnet110": 0.05}  # of the test errors
SHARES = tuple(step / MEGA for step in range(1, MEGA + 1))
SHORT = {
    "dataset": FEW, "models": ["lenet-relu"], "stale": ["lenet-relu", "resnet18-small"],
    "limit": 320, "batch": 32, "epochs": 4, "seeds": 3, "stale_epochs": 1, "intervals": 1,
}  # fmt: skip


def asked(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = options(__doc__ or "")
    parser.add_argument("--dataset", default="cifar10", help="its name or a folder of images")
    parser.add_argument("--models", nargs="+", default=["lenet-relu", "resnet110"])
    parser.add_argument("--stale", nargs="*", default=[*NETS], help="nets whose staleness is read")
    parser.add_argument("--epochs", type=int, default=250)
    parser.add_argument("--stale-epochs", type=int, default=50)
    parser.add_argument("--intervals", type=int, default=3, help="mega-batches measured, at most")
    parser.add_argument("--seeds", type=int, default=10)
    return answered(parser, words, lambda given: SHORT)


def plan(given: argparse.Namespace) -> list[Training]:
    """All trainings at full size."""
    samples, same = given.limit or SAMPLES, {"precision": given.precision}
    errors = [
        Training(
            model, config_of(method, RATES.get(model, RATE), FALLS), samples, given.epochs,
            given.batch, given.seeds, judged=TESTED, **same,
        )
        for model in given.models
        for method in METHODS
    ]  # fmt: skip
    config, readings = config_of("scsg", RATE, ()), len(SHARES) * given.intervals
    return errors + [
        Training(model, config, samples, given.stale_epochs, given.batch, readings=readings, **same)
        for model in given.stale
    ]


def stale(given: argparse.Namespace, model: str) -> dict[str, Any]:
    """The ratio of variances by steps after a mega-batch."""
    task = task_of(given, model).model_copy(update={"epochs": given.stale_epochs})
    found = diagnose_config(
        config_of("scsg", RATE, ()), task, shares=SHARES, intervals=given.intervals,
        data_dir=given.data_dir,
    )  # fmt: skip
    print("  ".join(f"{r.share * MEGA:.0f}: {r.ratio:.2f}" for r in found.readings if r.ratio))
    return found.model_dump(mode="json")


def main() -> None:
    """Fills the record: test errors, then staleness."""
    given = asked()
    book = Book("scsg", given, given.seeds)
    form = "short-" if given.short else ""
    for model in given.models:
        for method in METHODS:
            config = config_of(method, RATES.get(model, RATE), FALLS)
            name = f"{form}scsg-{model}-{method}-{given.precision}"
            work = partial(trained, config, task_of(given, model), name, given)
            book.add({"part": "test error", "model": model, "method": method}, work)
    for model in given.stale:
        book.add({"part": "staleness", "model": model}, partial(stale, given, model))


if __name__ == "__main__":
    main()
