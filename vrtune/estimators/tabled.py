"""What the methods with a table of gradients share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Literal

from pydantic import Field

from vrtune.estimators.base import BatchGradient, Clock, Estimator, Factors, TableGradient
from vrtune.estimators.tables import TABLES
from vrtune.later import Tensor, torch
from vrtune.units import EstimatorSettings


class KeepsTable(EstimatorSettings):
    """A table of gradients: its store, and the rank of compressed ones."""

    keeps_table = True
    table: Literal["partition", "naive", "factored", "svd"] = Field(
        default="partition", description="an entry a batch, or a sample: whole, factored, low rank"
    )
    rank: int = Field(default=1, ge=1, description="of each gradient, with table svd")

    @classmethod
    def words_of(cls, fields: Iterable[str]) -> list[str]:
        """The rank, too: tensors have their shapes by it."""
        return [name for name in fields if name in ("table", "rank")]

    @property
    def holds_partition(self) -> bool:
        return self.table == "partition"

    @property
    def of_samples(self) -> bool:
        return self.table != "partition"


class Tabled(Estimator):
    """The table T of every lane, and the sum of its entries.

        sum   <- sum + sum_{i in B} (T_i' - T_i),   T_i <- T_i',   T_i' = g_i(w), as it is kept
        count <- count + samples of B that are seen for the first time

    An entry that is a batch counts with its samples. So sum / count is the mean over the samples
    seen so far, which is how SAG's and SAGA's authors and scikit-learn begin without a pass before.
    """

    def __init__(self, weights: Tensor, table: str, rank: int) -> None:
        self.state = {
            "sum": torch.zeros_like(weights),
            "count": weights.new_zeros(len(weights), 1),
        }
        self.table = TABLES[table](self.state, rank)

    def room(self, samples: int, batches: int, one: Callable[[], Factors]) -> None:
        self.table.room(samples, batches, self.shapes, one)

    @abstractmethod
    def direction(self, change: Tensor, seen: Tensor, samples: int) -> Tensor:
        """d [L, P], before the table changes.

        Args:
            change: mean of g_i(w) - T_i over the batch, [L, P].
            seen: share of its samples that were seen before, [L, 1].
            samples: B.
        """

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        assert isinstance(gradient, TableGradient), "lanes see to it"
        table, b = self.table, gradient.samples
        at = table.at(gradient)
        g, kept, parts = table.fresh(weights, gradient)
        old, seen = table.mean(table.read(at)), table.seen(at)
        d = self.direction(g - old, seen, b)
        if self.remembers:
            self.state["sum"].add_(kept - old, alpha=b)
            self.state["count"].add_(1 - seen, alpha=b)
            table.write(at, parts)
        return d, None
