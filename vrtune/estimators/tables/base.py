"""What every store of gradients offers: entries, each a few tensors, and the means of some."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from vrtune.estimators.base import Factors, TableGradient
from vrtune.later import Tensor, torch

Parts = dict[str, Tensor]  # what k entries of each lane are kept as, [L, k, ...] each


class Fresh(NamedTuple):
    """The gradient of a step's batch, and what a table keeps of it."""

    g: Tensor  # g(w; B), [L, P]
    kept: Tensor  # the mean of the parts, [L, P]: g itself, unless they are compressed
    parts: Parts


class Table(ABC):
    """Gradients of the entries of every lane, each at the weights where it was computed last.

    Its tensors lie in the estimator's state, [L, entries, ...], zeros for what was never seen.

    Args:
        state: the estimator's, with "sum" [L, P] in it.
        rank: of compressed gradients.
    """

    of_samples: ClassVar[bool] = True  # an entry a sample; else an entry a batch

    def __init__(self, state: dict[str, Tensor], rank: int) -> None:
        self.state, self.rank = state, rank
        self.names: list[str] = []  # of an entry's parts, once there is room

    def room(
        self,
        samples: int,
        batches: int,
        shapes: Sequence[torch.Size],
        one: Callable[[], Factors],
    ) -> None:
        """Makes room for the entries of each lane; what is there stays."""
        entries = samples if self.of_samples else batches
        parts = self.entry(shapes, one)
        self.names = [*parts]
        for name, shape in {"seen": (), **parts}.items():
            total, old = self.state["sum"], self.state.get(f"table {name}")
            new = total.new_zeros(len(total), entries, *shape)
            if old is not None:
                new[:, : old.shape[1]] = old
            self.state[f"table {name}"] = new

    def at(self, gradient: TableGradient) -> Tensor:
        """The numbers of the batch's entries, [L, k]."""
        return gradient.index if self.of_samples else gradient.subset

    def seen(self, at: Tensor) -> Tensor:
        """The share of these entries that were seen before, [L, 1]."""
        return self.state["table seen"].gather(1, at).mean(1, keepdim=True)

    def read(self, at: Tensor) -> Parts:
        """What is kept of entries."""
        flat = self._flat(at)
        return {
            name: self._rows(name).index_select(0, flat).unflatten(0, at.shape)
            for name in self.names
        }

    def write(self, at: Tensor, parts: Parts) -> None:
        """Replaces entries, in place."""
        flat = self._flat(at)
        for name, part in parts.items():
            self._rows(name).index_copy_(0, flat, part.flatten(0, 1))
        self.state["table seen"].scatter_(1, at, 1.0)

    def _rows(self, name: str) -> Tensor:
        """The entries of all lanes, one after another."""
        return self.state[f"table {name}"].flatten(0, 1)

    def _flat(self, at: Tensor) -> Tensor:
        lanes, entries = self.state["table seen"].shape
        first = torch.arange(lanes, device=at.device).unsqueeze(1) * entries
        return (at + first).flatten()

    @abstractmethod
    def entry(
        self, shapes: Sequence[torch.Size], one: Callable[[], Factors]
    ) -> dict[str, tuple[int, ...]]:
        """The shapes of an entry's parts, of a model whose tensors have these shapes."""

    @abstractmethod
    def fresh(self, weights: Tensor, gradient: TableGradient) -> Fresh:
        """Computes the batch's gradients at weights [L, P]."""

    @abstractmethod
    def mean(self, parts: Parts) -> Tensor:
        """The mean gradient of entries, [L, P]."""
