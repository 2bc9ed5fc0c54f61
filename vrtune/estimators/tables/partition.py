"""An entry a batch, of a partition of the samples that stays the same over the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vrtune.estimators.base import Factors, TableGradient
from vrtune.estimators.tables.base import Fresh, Parts, Table
from vrtune.later import Tensor, torch


class PartitionTable(Table):
    """T_j = g(w; B_j) of each fixed subset B_j: n / B rows of W.

    No gradients of single samples are needed, so batch norm and augmentation go with it.

    References: El Hanchi, section 3.4; Gower, Richtarik & Bach 2018.
    """

    of_samples = False

    def entry(
        self, shapes: Sequence[torch.Size], one: Callable[[], Factors]
    ) -> dict[str, tuple[int, ...]]:
        return {"g": (self.state["sum"].shape[1],)}

    def fresh(self, weights: Tensor, gradient: TableGradient) -> Fresh:
        (g,) = gradient(weights)
        return Fresh(g, g, {"g": g.unsqueeze(1)})

    def mean(self, parts: Parts) -> Tensor:
        return parts["g"].mean(1)
