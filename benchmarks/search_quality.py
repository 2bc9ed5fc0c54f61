"""How good searches are: strategies replayed on recorded curves; and the recording of curves.

    python benchmarks/search_quality.py replay [TABLE ...] [--strategies vrtune tpe+hyperband]
        [--open 1 2 8 64] [--trials 60] [--reps 50] [--ahead] [--jobs 1] [--json FILE]
    python benchmarks/search_quality.py record [TABLE ...] --data-dir DIR

`replay` runs strategies through Optuna's own ask, report and tell, on tables that hold the fold
losses of many settings after each epoch; the losses of others lie between those of their
neighbours. Every open trial trains an epoch a round; after it all report, then all are decided on,
then places are filled again; with --ahead, by trials that were asked for before the reports, as
vrtune does where several are open.

Printed for each table, strategy and number of open trials, as median and 90 % of the repetitions:
what all trials had cost in gradient computations at the first hit, a complete trial within .2 % of
the best point of the space's GRID, counted in full trials and as a share of the whole grid; how
many hit within the share that heads the column; the best loss after some trials and for some full
trials' cost. --reps 20 --trials 20 is a quick look; of the slow strategy gp a fifth is repeated.

`record` trains with vrtune all that the tables hold: GRID, a Sobol design, and more points near the
best, in forty minutes on one core. Nothing was tuned on tables whose names end in -aside.
"""

from __future__ import annotations

import argparse
import itertools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from record import write
from search_quality_parts import figures, recording, table
from search_quality_parts.plans import PLANS
from search_quality_parts.strategies import STRATEGIES


def asked() -> argparse.Namespace:
    """The command line."""
    summary, *_ = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(description=summary)
    commands = parser.add_subparsers(required=True)
    replay = commands.add_parser("replay", help="strategies on recorded tables")
    replay.add_argument("tables", nargs="*", default=table.names(), metavar="TABLE")
    replay.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=list(STRATEGIES))
    replay.add_argument("--open", type=int, nargs="+", default=[1, 2, 8, 64])
    replay.add_argument("--trials", type=int, default=60)
    replay.add_argument("--reps", type=int, default=50)
    replay.add_argument("--ahead", action="store_true", help="ask for trials an epoch ahead")
    replay.add_argument("--jobs", type=int, default=1, help="processes")
    replay.add_argument("--json", type=Path, help="a file for the figures")
    replay.set_defaults(run=replayed)
    record = commands.add_parser("record", help="the tables anew")
    record.add_argument("tables", nargs="*", default=list(PLANS), metavar="TABLE")
    record.add_argument("--data-dir", type=Path, default=Path("data"), help="holds MNIST")
    record.set_defaults(run=recorded)
    return parser.parse_args()


def replayed(arguments: argparse.Namespace) -> None:
    """Prints the figures of every table, strategy and number of open trials."""
    rows = []
    with ProcessPoolExecutor(arguments.jobs) as pool:

        def each(call: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Iterable[Any]:
            if arguments.jobs == 1:
                return itertools.starmap(call, tasks)
            return pool.map(call, *zip(*tasks, strict=True))

        for name in arguments.tables:
            print(figures.heading(table.load(name)), flush=True)
            for strategy, slots in itertools.product(arguments.strategies, arguments.open):
                row = figures.summary(
                    name,
                    strategy,
                    slots,
                    each,
                    trials=arguments.trials,
                    reps=arguments.reps,
                    ahead=arguments.ahead,
                )
                print(figures.line(row), flush=True)
                rows.append(row)
    if arguments.json:
        stem = arguments.json.with_suffix("")
        write(stem, torch.device("cpu"), arguments.reps, {"rows": rows})


def recorded(arguments: argparse.Namespace) -> None:
    """Trains what the tables hold, one after another."""
    for name in arguments.tables:
        recording.record(name, PLANS[name], arguments.data_dir)


def main() -> None:
    arguments = asked()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
