"""A snapshot's pass over batches: the mean gradient, and the mean loss on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

from vrtune.errors import UsageError, shown
from vrtune.optim.row import Row


class Pass:
    """The batches of a snapshot; `count`, `moved` and `loss` are known afterwards."""

    def __init__(
        self,
        row: Row,
        closures: Iterable[Any],
        function: Callable[[Any], Any] | None,
        sizes: Iterable[int] | None,
    ) -> None:
        """As `snapshot` of an optimizer is given them."""
        if not isinstance(closures, Iterable):
            raise UsageError(
                f"a snapshot is taken over closures, one a batch, or over a loader and a function "
                f"of a batch (got {shown(closures)})"
            )
        self.row, self.closures, self.function, self.sizes = row, closures, function, sizes
        self.count = 0
        self.moved = [False] * len(row.params)  # who had a gradient in one of them
        self.loss: float | None = None

    def mean_gradient(self, weights: Tensor, rows: Tensor) -> Tensor:
        """At weights [1, P]; each batch counts by its size."""
        row, total, size = self.row, torch.zeros_like(weights), 0
        losses: list[Tensor] = []
        row.write(weights)
        for closure, weight in self._weighted():
            row.clear()
            self.count += 1
            with torch.enable_grad():
                loss = closure()
            self.moved = [
                m or p.grad is not None for m, p in zip(self.moved, row.params, strict=True)
            ]
            total.add_(row.gradients(), alpha=weight)
            size += weight
            if loss is not None:
                losses.append(weight * torch.as_tensor(loss).detach())
        if not size:
            raise UsageError(
                "there are no batches to take a snapshot over: give a loader, or a list of "
                "closures, as an iterator is at its end after one pass"
            )
        self.loss = float(sum(losses)) / size if losses else None
        return total.div_(size)

    def _weighted(self) -> Iterator[tuple[Callable[[], Any], int]]:
        """Closures, and what each counts."""
        sizes = repeat(None) if self.sizes is None else iter(self.sizes)
        for item in self.closures:
            size = next(sizes, 0)
            if size == 0:
                raise UsageError("sizes: give as many as there are batches, each 1 or more")
            if self.function is None and not callable(item):
                raise UsageError(
                    "the snapshot's batches are no closures: give the function of a batch as well, "
                    "snapshot(loader, function)"
                )
            if self.function is None:
                yield item, size or 1
            else:
                yield _bound(self.function, item), size or samples(item) or 1


def _bound(function: Callable[[Any], Any], batch: Any) -> Callable[[], Any]:
    return lambda: function(batch)


def samples(batch: Any) -> int | None:
    """Samples of a batch, as its first tensor has them; None where none is found."""
    if isinstance(batch, Tensor):
        return len(batch) if batch.dim() else None
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, Sequence) and not isinstance(batch, str):
        return next(filter(None, map(samples, batch)), None)
    return None
