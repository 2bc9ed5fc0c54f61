"""Many repetitions of a search on a table, and what they come to."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from search_quality_parts.strategies import STRATEGIES, OneEpoch
from search_quality_parts.table import Table, load
from vrtune.storages.quiet import quiet

MARKS = (3, 6, 10, 20, 30, 60)  # trials
FRESH = 10  # up to so many trials, the search is done anew: with so many trials to give
BUDGETS = (2, 4, 10, 20)  # full trials
SLOW = 5  # of a slow strategy's repetitions one in so many is done
FIRST_SEED = 1000

Found = dict[str, Any]
Each = Callable[[Callable[..., Found], Iterable[tuple[Any, ...]]], Iterable[Found]]


@quiet()
def once(
    table_name: str, strategy_name: str, slots: int, trials: int, ahead: bool, seed: int
) -> Found:
    """One repetition: costs in gradient computations, values in losses."""
    table, strategy = load(table_name), STRATEGIES[strategy_name]
    log = strategy(table, seed, slots, trials, ahead)
    after = {}
    for n in (n for n in MARKS if n <= trials):
        anew = isinstance(strategy, OneEpoch) or (slots > 1 and n <= FRESH)
        after[n] = (strategy(table, seed, min(slots, n), n, ahead) if anew else log).best(n)
    return {
        "hit": log.hit(table.goal),
        "spent": log.spent,
        "after": after,
        "budget": {b: log.best(spent=b * table.full) for b in BUDGETS},
    }


def summary(
    table_name: str,
    strategy: str,
    slots: int,
    each: Each,
    *,
    trials: int,
    reps: int,
    ahead: bool = False,
) -> dict[str, Any]:
    """Median and 90 % of many repetitions. Costs are in full trials; None stands for never."""
    began, table = time.perf_counter(), load(table_name)
    reps = max(1, reps // SLOW) if STRATEGIES[strategy].slow else reps
    how = (table_name, strategy, slots, trials, ahead)
    found = list(each(once, [(*how, FIRST_SEED + rep) for rep in range(reps)]))
    hits = np.array([one["hit"] for one in found])
    return {
        "table": table.name,
        "strategy": strategy,
        "open": slots,
        "trials": trials,
        "ahead": ahead,
        "reps": reps,
        "hit": middle(hits / table.full),
        "hit_of_grid": middle(hits / table.grid_cost),
        "never": int(np.isinf(hits).sum()),
        "share": table.share,
        "within_share": int((hits <= table.share * table.grid_cost).sum()),
        "after": {n: middle([one["after"][n] for one in found]) for n in found[0]["after"]},
        "budget": {b: middle([one["budget"][b] for one in found]) for b in BUDGETS},
        "spent": round(float(np.mean([one["spent"] for one in found])) / table.full, 2),
        "seconds": round(time.perf_counter() - began, 1),
    }


def middle(values: Sequence[float] | np.ndarray) -> list[float | None]:
    """Median and 90 %; None where that is never reached."""
    two = [np.percentile(values, q, method="higher") for q in (50, 90)]
    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in two]


def heading(table: Table) -> str:
    """What a table is, and what the columns are."""
    task, grid = table.meta["task"], len(table.grid)
    return (
        f"\n{table.name}: {table.meta['space']} ({', '.join(table.distributions)}), "
        f"{task['dataset']}, {task['model']}, seed {task['seed']}, {table.epochs} epochs; "
        f"{len(table.settings)} settings, the best {table.finals.min():.4f}; grid of {grid}, a hit "
        f"at {table.goal:.4f}\n"
        f"{'median/90 %':16} {'open':>4} | {'hit: full trials':>16} {'of grid':>9} {'never':>7} "
        f"{f'in {table.share:.2g}':>7} | "
        + " ".join(f"{f'{n} trials':>11}" for n in MARKS)
        + " | "
        + " ".join(f"{f'for {b}':>11}" for b in BUDGETS)
        + " |  spent"
    )


def line(row: dict[str, Any]) -> str:
    """A strategy's figures."""
    reps = row["reps"]
    return (
        f"{row['strategy']:16} {row['open']:4} | {_said(row['hit'], '.1f'):>16} "
        f"{_said(row['hit_of_grid'], '.2f'):>9} {row['never']:>4}/{reps:<2} "
        f"{row['within_share']:>4}/{reps:<2} | "
        + " ".join(f"{_said(row['after'].get(n), '.4f'):>11}" for n in MARKS)
        + " | "
        + " ".join(f"{_said(row['budget'][b], '.4f'):>11}" for b in BUDGETS)
        + f" | {row['spent']:6.1f} ({row['seconds']:.0f} s)"
    )


def _said(two: list[float | None] | None, form: str) -> str:
    return "/".join("-" if v is None else format(v, form).lstrip("0") for v in two or [None])
