"""Hours on one H100 that each study of full size is expected to take: arithmetic, no measurement.

    python benchmarks/hours.py

Gradient computations of all lanes (steps, snapshots, MetaInit, readings, judging), by the method's
own count, over the gradients a second that docs/benchmarks/gpu-h100.json holds. It measured batches
of 32; one of 128 is taken for four of them. What it did not measure is scaled and says so. Reading
the data, seating lanes and writing checkpoints are left out. Writes
docs/benchmarks/hours-h100.json.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from full_size_parts.commands import COMMANDS, parsed
from full_size_parts.costs import Training, gradients
from full_size_parts.rates import Rates
from record import asking, write

from vrtune.lanes.device import choose_device

RECORD = Path("docs/benchmarks/gpu-h100.json")
PRECISIONS = ("float32", "tf32", "bfloat16")


def hours(trainings: list[Training], rates: Rates) -> float:
    """Of trainings one after another."""
    return sum(gradients(t) / rates.of(t).per_second for t in trainings) / 3600


def row(study: str, command: str, rates: Rates) -> dict[str, Any]:
    """A study's hours as it is asked for, and in each precision, with every training's share."""
    _, given, trainings = parsed(command)
    by = {p: hours([replace(t, precision=p) for t in trainings], rates) for p in PRECISIONS}
    return {
        "study": study,
        "command": command,
        "precision": given.precision,
        "hours": round(hours(trainings, rates), 2),
        "hours_by_precision": {p: round(h, 2) for p, h in by.items()},
        "gradient_computations": sum(map(gradients, trainings)),
        "trainings": [
            {
                "model": t.model,
                "estimator": t.config.estimator.kind,
                "optimizer": t.config.optimizer.kind,
                "init": t.config.init.kind,
                "samples": t.samples,
                "epochs": t.epochs,
                "lanes": t.lanes,
                "gradient_computations": gradients(t),
                "per_second": rates.of(t).per_second,
                "basis": rates.of(t).basis,
                "hours": round(hours([t], rates), 3),
            }
            for t in trainings
        ],
    }


def main() -> None:
    """Writes the record and says it in short."""
    given = asking(__doc__ or "").parse_args()
    rates = Rates(RECORD)
    rows = [row(study, command, rates) for study, command in COMMANDS.items()]
    for each in rows:
        print(f"{each['study']}: {each['hours']} h; {each['hours_by_precision']}")
    found = {"rates_from": str(RECORD), "kind": "arithmetic, no measurement", "rows": rows}
    write(given.output_dir / "hours-h100", choose_device("cpu"), 1, found)


if __name__ == "__main__":
    main()
