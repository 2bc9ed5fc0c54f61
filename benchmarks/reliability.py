"""What becomes of searches when processes, databases, disks and files fail.

    python benchmarks/reliability.py run [FAULT ...] [--storages sqlite postgresql journal]
        [--times N] [--rates 6] [--epochs 100] [--seed 1]
    python benchmarks/reliability.py table

`run` starts real searches of two to four processes on a grid whose trials take longer than there is
time between two faults, causes one every few seconds, and starts what has ended again, until every
point of the grid is done. Then it reads the storage with Optuna alone and counts the trials that
were lost, are stuck, or ended twice, the epochs that were trained again, and compares every value
of every fold of every trial with a run without faults, bit for bit. It writes a row a run to
docs/benchmarks/reliability.json, in place of the one of the same fault, storage and processes.
Quick looks: --times 3 --rates 2. A server is started where PostgreSQL's programs are installed; a
small disk is mounted by root alone.

`table` prints the record as in docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch
from record import asking, command, write
from reliability_parts import enduring, retraining, table
from reliability_parts.faults import FAULTS, Fault
from reliability_parts.places import KINDS
from reliability_parts.setting import Setting, Shape

RETRAINING = "a retraining killed"
STEM = "reliability"
SHAPES = {"a process killed": [Shape(3), Shape(2, 2), Shape(2, open=3)]}


def asked() -> argparse.Namespace:
    """The command line."""
    parser = asking(__doc__ or "")
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="; ".join([*FAULTS, RETRAINING]))
    parser.add_argument("--storages", nargs="+", choices=KINDS, default=[*KINDS])
    parser.add_argument("--times", type=int, help="faults of a run, at most")
    parser.add_argument("--rates", type=int, default=6, help="points of the grid: four times that")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="when faults come, and of which kind")
    given = parser.parse_args()
    given.faults = given.faults or [*FAULTS, RETRAINING]
    if unknown := {*given.faults} - {*FAULTS, RETRAINING}:
        parser.error(f"there is no fault {unknown.pop()!r}: choose one of {parser.format_help()}")
    return given


@cache
def unbroken(setting: Setting) -> Any:
    """A run without faults, one for each setting."""
    return enduring.unbroken(setting)


def runs(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The rows, one after another."""
    setting = Setting(rates=given.rates, epochs=given.epochs)
    for name in given.faults:
        if name == RETRAINING:
            yield from retrainings(given)
            continue
        fault = FAULTS[name]
        for kind in (kind for kind in given.storages if kind in fault.storages):
            for shape in SHAPES.get(name, [Shape()]):
                try:
                    yield one(fault, kind, setting, shape, given)
                except (FileNotFoundError, PermissionError) as error:
                    print(f"{name} on {kind} is left out: {error}", flush=True)


def one(
    fault: Fault, kind: str, setting: Setting, shape: Shape, given: argparse.Namespace
) -> dict[str, Any]:
    """A run of one fault on one storage."""
    curves, _ = unbroken(setting)
    with enduring.room(kind, small=fault.small) as place:
        return enduring.endure(
            fault,
            place,
            setting,
            curves,
            shape,
            times=given.times or fault.times,
            rng=random.Random(f"{given.seed} {fault.name} {kind} {shape}"),
        )


def retrainings(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Of two trials, whose better one is judged and trained again."""
    setting = Setting(rates=1, methods=("svrg", "adam"), epochs=2 * given.epochs, retrain=1)
    for kind in given.storages:
        _, kept = unbroken(setting)
        rng = random.Random(f"{given.seed} {kind}")
        with enduring.room(kind) as place:
            yield retraining.endure(place, setting, kept, times=given.times or 10, rng=rng)


def main() -> None:
    given = asked()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended
    path: Path = given.output_dir / f"{STEM}.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    kept = {table.key(row): row for row in rows}
    if given.what == "run":
        for row in runs(given):
            print(json.dumps(row), flush=True)
            kept[table.key(row)] = {**row, "command": command()}
            rows = list(kept.values())
            write(path.with_suffix(""), torch.device("cpu"), len(rows), {"rows": rows})
    print(f"{table.markdown(rows)}\n\n{table.totals(rows)}")
    if wrong := [row for row in rows if table.is_bad(row)]:
        sys.exit("\n".join(f"wrong: {json.dumps(row)}" for row in wrong))


if __name__ == "__main__":
    main()
