"""Ways to search, under the names that the command line knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler

from search_quality_parts.clock import Clock, Completed, Log
from search_quality_parts.table import Table
from vrtune.strategy import AutoSampler, FoldsPruner, together
from vrtune.studies.pruners import make_pruner
from vrtune.studies.samplers import make_sampler


@dataclass(frozen=True)
class Searching:
    """An Optuna sampler and an Optuna pruner; or the grid's points in random order."""

    sampler: Callable[[Table, int], BaseSampler]  # by a seed
    pruner: Callable[[Table], BasePruner] = lambda table: NopPruner()
    grid: bool = False
    together: bool = False  # as vrtune's loop starts the first trials
    slow: bool = False  # fewer repetitions will do

    def __call__(
        self, table: Table, seed: int, slots: int, trials: int, ahead: bool = False
    ) -> Log:
        study = optuna.create_study(
            study_name=f"replay {seed}",  # Hyperband deals by the name's hash
            sampler=self.sampler(table, seed),
            pruner=self.pruner(table),
        )
        if self.grid:
            trials = min(trials, len(table.grid))
            for point in np.random.default_rng(seed).permutation(len(table.grid)):
                study.enqueue_trial(table.grid[point])
        first = together(len(table.distributions)) if self.together else 0
        clock = Clock(table, study, slots=slots, trials=trials, together=first, ahead=ahead)
        return clock.run()


@dataclass(frozen=True)
class OneEpoch:
    """One epoch of every setting, then the best `k` to their ends (arXiv 2307.15422)."""

    k: int
    grid: bool = False
    slow: bool = False

    def __call__(
        self, table: Table, seed: int, slots: int, trials: int, ahead: bool = False
    ) -> Log:
        if self.grid:
            order = np.random.default_rng(seed).permutation(len(table.grid))[:trials]
            settings = [table.grid[point] for point in order]
        else:
            study = optuna.create_study(sampler=RandomSampler(seed=seed))
            settings = [study.ask(table.distributions).params for _ in range(trials)]
        curves = [table.curve(setting) for setting in settings]
        log = Log(spent=float(sum(curve.costs[0] for curve in curves)))
        first = [np.nan_to_num(curve.losses[0].mean(), nan=np.inf) for curve in curves]
        best = [int(number) for number in np.argsort(first)[: self.k]]
        for at in range(0, len(best), slots):  # as many as are open end together
            wave = best[at : at + slots]
            log.spent += float(sum(curves[number].costs[1:].sum() for number in wave))
            for number in wave:
                value = float(curves[number].losses[-1].mean())
                if np.isfinite(value):
                    log.completed.append(Completed(log.spent, value, number))
        return log


def _auto(start: bool) -> Callable[[Table, int], BaseSampler]:
    """vrtune's own sampler, with the space's DEFAULT and GRID or without."""

    def make(table: Table, seed: int) -> BaseSampler:
        if not start:
            return AutoSampler(seed=seed)
        return AutoSampler(default=table.default, grid=table.grid, seed=seed)

    return make


def _folds(table: Table) -> BasePruner:
    """vrtune's own pruner."""
    return FoldsPruner(table.epochs)


def _named(sampler: str) -> Callable[[Table, int], BaseSampler]:
    return lambda table, seed: make_sampler(sampler, seed)


STRATEGIES: dict[str, Searching | OneEpoch] = {
    "vrtune": Searching(_auto(start=True), _folds, together=True),
    "vrtune-start-off": Searching(_auto(start=False), _folds, together=True),
    "grid+folds": Searching(_named("grid"), _folds, grid=True),
    "grid-top-3": OneEpoch(3, grid=True),
    "random-top-3": OneEpoch(3),
    "tpe+hyperband": Searching(_named("tpe"), lambda table: make_pruner("hyperband", table.epochs)),
    "random": Searching(_named("random")),
    "qmc": Searching(_named("qmc")),
    "gp": Searching(_named("gp"), slow=True),
}
