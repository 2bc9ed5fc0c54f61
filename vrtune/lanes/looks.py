"""Looks at the layers of all lanes on a step's batch, for step rules that want to see them."""

from __future__ import annotations

from torch import Tensor

from vrtune.errors import UsageError
from vrtune.gradients.layers import check_layers, layers_of_batch, uniform
from vrtune.gradients.looped import Looped
from vrtune.gradients.oracle import Oracle, parts_of
from vrtune.lanes.batches import Batches
from vrtune.lanes.rows import Rows
from vrtune.objectives.objective import Objective


class Looks:
    """Shows a step rule what goes into each layer and how the losses change with what comes out, at
    the step's weights: a forward and a backward pass of its own, which leaves buffers alone."""

    def __init__(
        self,
        oracle: Oracle,
        rows: Rows,
        batches: Batches,
        objective: Objective,
        shape: tuple[int, ...],
    ) -> None:
        """UsageError if the layers of a model that sees samples of `shape` can't be looked at, or
        the loss is of no distribution that targets could be drawn from, as the rule wants."""
        check_layers(oracle, shape)
        self.oracle, self.rows, self.batches = oracle, rows, batches
        self.draw = objective.draw if rows.optimizer.sampled else None
        if rows.optimizer.sampled and self.draw is None:
            raise UsageError(
                "this loss is of no distribution that labels could be drawn from, as cross-entropy "
                'and mse are: give the step rule fisher="empirical"'
            )

    def show(self, index: Tensor) -> None:
        """The layers on the batches `index` [L, B], or [L, B, 2], of all lanes."""
        rows = self.rows
        index = index[:, :, 0] if index.dim() == 3 else index
        x, y = self.batches.fetch(index)
        if self.draw is not None:
            y = uniform(self.batches.masks.names(index), index.shape[1], rows.W)
        for part in self._parts(len(rows.W)):
            copies = {name: b[part].clone() for name, b in rows.buffers.items()}
            rows.optimizer.observe(
                layers_of_batch(self.oracle, rows.W[part], copies, x[part], y[part], self.draw)
            )

    def _parts(self, count: int) -> list[slice]:
        """So many rows in parts: what layers see of each is held at once, so looped lanes take
        turns, a thread each."""
        if isinstance(self.oracle, Looped):
            return parts_of(count, -(-count // len(self.oracle.modules)))
        return self.rows.parts(count)
