"""An entry a sample: its gradient as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vrtune.estimators.base import Factors, TableGradient
from vrtune.estimators.tables.base import Fresh, Parts, Table
from vrtune.later import Tensor, torch


class NaiveTable(Table):
    """T_i = g_i(w): n rows of W."""

    def entry(
        self, shapes: Sequence[torch.Size], one: Callable[[], Factors]
    ) -> dict[str, tuple[int, ...]]:
        return {"g": (self.state["sum"].shape[1],)}

    def fresh(self, weights: Tensor, gradient: TableGradient) -> Fresh:
        parts = {"g": gradient.each(weights)}
        g = self.mean(parts)
        return Fresh(g, g, parts)

    def mean(self, parts: Parts) -> Tensor:
        return parts["g"].mean(1)
