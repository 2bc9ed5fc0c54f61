"""A recorded table: the curves of many settings of a space, and of those between them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from optuna.distributions import json_to_distribution

from search_quality_parts.between import Between
from search_quality_parts.cube import Cube, Params

TABLES = Path(__file__).parent / "tables"
NEAR = 1.002  # a hit is within so much of the grid's best
WORST = 10.0  # times ln(classes): the loss of what diverged, for its neighbours


@dataclass(frozen=True)
class Curve:
    """A setting's training, as it was or would have been."""

    losses: np.ndarray  # [epoch, fold]; NaN where it diverged
    costs: np.ndarray  # [epoch]: gradient computations of all folds


class Table:
    """The settings of a space on a task, their curves, and what lies between."""

    def __init__(
        self,
        name: str,
        meta: dict[str, Any],
        losses: np.ndarray,
        spent: np.ndarray,
        settings: list[dict[str, Any]],
        on_grid: np.ndarray,
    ) -> None:
        """`losses` [setting, epoch, fold], `spent` [setting, epoch] since the start; `on_grid`
        [setting] says which are points of the space's GRID."""
        self.name, self.meta, self.losses, self.settings = name, meta, losses, settings
        self.distributions = _distributions(meta)
        self.cube = Cube(self.distributions)
        self.default: dict[str, Any] | None = meta.get("default")
        _, self.epochs, self.folds = losses.shape
        self.costs = np.diff(spent, axis=1, prepend=0.0)
        self.finals = np.nan_to_num(losses[:, -1].mean(1), nan=np.inf)
        self.grid = [setting for setting, on in zip(settings, on_grid, strict=True) if on]
        self.goal = NEAR * float(self.finals[on_grid].min())
        self.grid_cost = float(spent[on_grid, -1].sum())
        self.worst = WORST * math.log(meta.get("classes", 10))

    @property
    def full(self) -> float:
        """What a trial of all epochs costs, in the mean of the grid."""
        return self.grid_cost / len(self.grid)

    @property
    def share(self) -> float:
        """Of the grid's cost, within which a search should be as good: two fifths, or less where
        four trials are less."""
        return min(0.4, 4 / len(self.grid))

    def curve(self, params: Params) -> Curve:
        """How a setting would have trained: log losses between those of its recorded neighbours."""
        found = self._between[self.cube.choices(params)](self.cube.point(params))
        logs, diverged, costs = np.split(found, [k := self.epochs * self.folds, 2 * k])
        losses = np.where(diverged > 0.5, np.nan, np.exp(logs))
        costs = np.maximum(costs, self.costs.min(0))
        return Curve(losses.reshape(self.epochs, self.folds), costs)

    @cached_property
    def _between(self) -> dict[tuple[Any, ...], Between]:
        """A function for each combination of categorical values."""
        n = len(self.settings)
        diverged = ~np.isfinite(self.losses)
        logs = np.log(np.where(diverged, self.worst, np.minimum(self.losses, self.worst)))
        values = np.hstack([logs.reshape(n, -1), diverged.reshape(n, -1), self.costs])
        told = logs[:, -1].mean(1)
        points = np.array([self.cube.point(setting) for setting in self.settings])
        rows: dict[tuple[Any, ...], list[int]] = {}
        for row, setting in enumerate(self.settings):
            rows.setdefault(self.cube.choices(setting), []).append(row)
        return {key: Between(points[at], values[at], told[at]) for key, at in rows.items()}


def names() -> list[str]:
    """Of the tables that were recorded."""
    return sorted(path.stem for path in TABLES.glob("*.npz"))


@lru_cache
def load(name: str) -> Table:
    """A recorded table, by its name or its file."""
    path = Path(name) if name.endswith(".npz") else TABLES / f"{name}.npz"
    with np.load(path) as file:
        meta = json.loads(str(file["meta"]))
        distributions = _distributions(meta)
        settings = [
            {n: d.to_external_repr(x) for (n, d), x in zip(distributions.items(), row, strict=True)}
            for row in file["X"].tolist()
        ]
        losses, spent = file["loss"].astype(float), file["grads"].astype(float)
        return Table(path.stem, meta, losses, spent, settings, file["grid"].astype(bool))


def _distributions(meta: dict[str, Any]) -> dict[str, Any]:
    """In the order in which the space asks for them."""
    return {name: json_to_distribution(json.dumps(meta["dists"][name])) for name in meta["names"]}
