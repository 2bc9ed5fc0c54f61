"""How surely the methods differ on MNIST: intervals and paired tests of the two records' trainings.

    python benchmarks/mnist_evidence.py

Trains nothing: it reads docs/benchmarks/mnist-lenet-h100.json (the source's settings) and
mnist-study.json (the settings chosen here) and writes docs/benchmarks/mnist-evidence.json. Methods
are compared after the last epoch, and after as many gradient computations as SGD has spent by then,
where one that pays two a step has done half the epochs. Seeds share weights and batches, so they
pair; p values are corrected by Holm over all pairs.
"""

from __future__ import annotations

import json
import math
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from record import asking, write
from scipy import stats

from vrtune.comparing.paired import holm, paired
from vrtune.lanes.device import choose_device

Trainings = dict[str, dict[str, Any]]  # by method
READ = {"accuracy": "test_accuracies", "loss": "test_losses"}


def main() -> None:
    arguments = asking(str(__doc__)).parse_args()
    folder = Path("docs/benchmarks")
    theirs = json.loads((folder / "mnist-lenet-h100.json").read_text())
    ours = json.loads((folder / "mnist-study.json").read_text())
    settings: dict[str, Trainings] = {
        "source's settings": {row["method"]: row for row in theirs["rows"]},
        "chosen here": {
            name: method["retrained"]
            for name, method in ours["methods"].items()
            if method["retrained"]
        },
    }
    found = {name: evidence(trainings) for name, trainings in settings.items()}
    seeds = min(run["seeds"] for trainings in settings.values() for run in trainings.values())
    write(arguments.output_dir / "mnist-evidence", choose_device("cpu"), seeds, found)


def evidence(trainings: Trainings) -> dict[str, Any]:
    """Of all methods, and of every pair, at the end and at equal cost."""
    last = trainings["sgd"]["costs"][-1]
    points = {"after the last epoch": math.inf, "after SGD's gradient computations": last}
    return {
        point: {
            "gradient_computations": None if math.isinf(most) else most,
            **{what: of_measure(trainings, key, most) for what, key in READ.items()},
        }
        for point, most in points.items()
    }


def of_measure(trainings: Trainings, key: str, most: float) -> dict[str, Any]:
    """Means with 95 % intervals over seeds, and the differences of pairs."""
    values = {}
    for method, run in trainings.items():
        epoch = max(i for i, cost in enumerate(run["costs"]) if cost <= most)
        values[method] = [curve[epoch] for curve in run[key]]
    pairs: list[dict[str, Any]] = []
    for first, second in combinations(values, 2):
        test = paired(values[first], values[second])
        pairs.append(
            {"first": first, "second": second, "n": len(values[first]), "mean": test.mean}
            | {"low": test.low, "high": test.high, "p": test.p}
        )
    corrected = holm([pair["p"] for pair in pairs])
    return {
        "methods": {name: interval(of) for name, of in values.items()},
        "pairs": [{**pair, "p_holm": p} for pair, p in zip(pairs, corrected, strict=True)],
    }


def interval(values: list[float]) -> dict[str, Any]:
    """Mean, standard deviation and the ends of the 95 % interval by Student's t."""
    n, mean = len(values), fmean(values)
    low, high = stats.t.interval(0.95, n - 1, mean, stats.sem(values))
    return {"n": n, "mean": mean, "std": stdev(values), "low": float(low), "high": float(high)}


if __name__ == "__main__":
    main()
