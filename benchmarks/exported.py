"""Exported programs, run by a fresh interpreter, against the retraining that the studies recorded.

Each method's program in plain PyTorch is run with several seeds, all of its random numbers being
its own; its mean test accuracy is to lie within two standard deviations of the retraining's, which
is over ten seeds. Takes about a quarter of an hour on one core.

    python benchmarks/exported.py
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from record import asking, write
from studies import METHODS

from vrtune import export

STORAGE = Path(__file__).with_name("studies.db")
STUDY = "{}-digits-lenet"
MOST = 2.0  # standard deviations


def main() -> None:
    """Prints a table, and keeps what it says."""
    parser = asking(str(__doc__))
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    print(f"{'method':18}{'retrained':>18}{'program':>18}{'apart':>8}")
    rows = []
    for method in given.methods:
        rows.append(compared(method, given.seeds))
        print(line(rows[-1]), flush=True)
    write(given.output_dir / "exported", torch.device("cpu"), given.seeds, {"methods": rows})
    if far := [row["method"] for row in rows if abs(row["apart"]) > MOST]:
        sys.exit(f"more than {MOST} standard deviations apart: {', '.join(far)}")


def compared(method: str, seeds: int) -> dict[str, Any]:
    """Test accuracies of a method's retraining and of its program."""
    study, storage = STUDY.format(method), f"sqlite:///{STORAGE}"
    kept = json.loads(export(study, storage=storage))["results"]["retrain"]["test_accuracy"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trial.py")
        path.write_text(export(study, format="python", storage=storage), encoding="utf-8")
        found = [accuracy(path, "--seed", str(seed)) for seed in range(1, seeds + 1)]
    return {
        "method": method,
        "retrained": kept,
        "program": found,
        "apart": (statistics.fmean(found) - kept["mean"]) / kept["std"],
    }


def accuracy(path: Path, *words: str) -> float:
    """What a program said of the test set."""
    done = subprocess.run(
        [sys.executable, path, "--device", "cpu", *words],
        cwd=path.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(re.findall(r"^test accuracy: ([\d.]+)$", done.stdout, re.M)[-1])


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    before, found = row["retrained"], row["program"]
    return (
        f"{row['method']:18}{spread(before['values']):>18}{spread(found):>18}{row['apart']:+7.2f}s"
    )


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation."""
    over = f" +- {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.4f}{over}"


if __name__ == "__main__":
    main()
