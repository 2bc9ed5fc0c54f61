"""Is it batch norm that breaks SVRG? The variance that it leaves, with batch norm and without.

    python benchmarks/batch_norm.py --dataset DIR                 # Defazio & Bottou's nets
    python benchmarks/batch_norm.py --short --dataset FOLDER      # a CPU form

SVRG with a snapshot every epoch, SGD with momentum 0.9 and one step size for both, small enough to
train without norm layers; random crops and flips that stay with their sample. The same seeds with
each norm. Measures the ratio of variances at 2, 11, 33, 50 and 100 % of the way between snapshots.
What is done is kept in docs/benchmarks/NAME-DEVICE.json; a training that was cut off begins anew.
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
from full_size_parts.defazio import NETS, SAMPLES

from vrtune import SGD, SVRG, Task, TrialConfig
from vrtune.diagnosing.diagnose import SHARES, diagnose_config

SHORT = {
    "models": ["lenet-relu", "resnet18-small"], "seeds": 3, "limit": 1024, "batch": 32,
    "epochs": 4, "intervals": 2,
}  # fmt: skip


def asked(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = options(__doc__ or "")
    parser.add_argument("--dataset", default="cifar10", help="its name or a folder of images")
    parser.add_argument("--models", nargs="+", default=[*NETS])
    parser.add_argument("--norms", nargs="+", default=["batch", "none"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--intervals", type=int, default=5, help="that are measured on, at most")
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--name", default="batch-norm", help="of the record")
    return answered(parser, words, lambda given: SHORT)


def config_of(given: argparse.Namespace) -> TrialConfig:
    """The setting of all trainings."""
    return TrialConfig(estimator=SVRG(snapshot_period=1), optimizer=SGD(lr=given.lr, momentum=0.9))


def plan(given: argparse.Namespace) -> list[Training]:
    """All trainings at full size, with their readings."""
    readings = len(SHARES) * min(given.intervals, given.epochs)
    return [
        Training(
            model, config_of(given), given.limit or SAMPLES, given.epochs, given.batch,
            precision=given.precision, readings=readings,
        )
        for model, *_ in product(given.models, given.norms, range(given.seeds))
    ]  # fmt: skip


def measured(given: argparse.Namespace, model: str, norm: str, seed: int) -> dict[str, Any]:
    """One training with its measurements."""
    task = Task.model_validate(
        {
            "dataset": given.dataset, "model": model, "norm": norm, "limit": given.limit,
            "epochs": given.epochs, "batch_size": given.batch, "augment": "crop-flip",
            "precision": given.precision, "seed": seed,
        }
    )  # fmt: skip
    found = diagnose_config(
        config_of(given), task, intervals=given.intervals, data_dir=given.data_dir
    )
    print("  ", *(f"{r.share:.0%} {r.ratio}" for r in found.readings), flush=True)
    return found.model_dump(mode="json", exclude={"config", "trial", "model"})


def main() -> None:
    """Fills the record, training by training."""
    given = asked()
    book = Book(given.name, given, given.seeds)
    for seed, model, norm in product(range(1, given.seeds + 1), given.models, given.norms):
        key = {"model": model, "norm": norm, "seed": seed}
        book.add(key, partial(measured, given, model, norm, seed))


if __name__ == "__main__":
    main()
