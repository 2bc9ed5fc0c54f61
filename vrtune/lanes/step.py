"""One step of all lanes, and one batch of a whole gradient: what a CUDA graph replays."""

from __future__ import annotations

import torch
from torch import Tensor

from vrtune.lanes.batches import Batches, normalised
from vrtune.lanes.gradients import Oracle
from vrtune.lanes.replay import Replay
from vrtune.lanes.rows import Rows


class ByWidth:
    """Calls `work(index)` for batches index [r, B], one replay for every B: an epoch has two."""

    def __init__(self, rows: int, device: torch.device) -> None:
        self.rows, self.device = rows, device
        self.replays: dict[int, tuple[Tensor, Replay]] = {}

    def work(self, index: Tensor) -> None:
        """One batch."""
        raise NotImplementedError

    def __call__(self, index: Tensor) -> None:
        width = index.shape[1]
        if width not in self.replays:
            held = torch.empty(self.rows, width, dtype=torch.long, device=self.device)
            self.replays[width] = held, Replay(lambda: self.work(held), self.device)
        held, replay = self.replays[width]
        held.copy_(index)
        replay()


class Step(ByWidth):
    """Gather the batch, gradients, estimate, step rule; losses are summed up in `total` [L]."""

    def __init__(self, oracle: Oracle, rows: Rows, batches: Batches) -> None:
        super().__init__(len(rows.W), rows.W.device)
        self.oracle, self.matrix, self.batches = oracle, rows, batches
        self.total = rows.W.new_zeros(len(rows.W))

    def work(self, index: Tensor) -> None:
        rows, batches = self.matrix, self.batches
        x, y = normalised(batches.x, index, batches.scale, batches.shift), batches.y[index]

        def gradient(weights: Tensor, *, off_step: bool = False) -> Tensor:
            buffers = rows.buffers
            if off_step:  # batch-norm reset: these statistics are thrown away
                buffers = {name: b.clone() for name, b in buffers.items()}
            g, losses = self.oracle.gradient(weights, buffers, x, y)
            if not off_step:
                self.total.add_(losses, alpha=y.shape[1])
            return g

        d, eta = rows.estimator.estimate(rows.W, rows.hp["estimator"], gradient)
        step_size = rows.hp["optimizer"]["lr"] if eta is None else eta
        rows.optimizer.step(rows.W, d, step_size, rows.hp["optimizer"])


class PartialSum(ByWidth):
    """Adds a batch's gradients at fixed weights, off the step, to `total` [r, P]."""

    def __init__(self, oracle: Oracle, rows: Rows, batches: Batches, some: Tensor) -> None:
        """`some` [r] are the rows whose batches and buffers are used."""
        super().__init__(len(some), rows.W.device)
        self.oracle, self.matrix, self.batches = oracle, rows, batches
        self.some = some.clone()
        self.weights = rows.W.new_zeros(len(some), rows.W.shape[1])
        self.total = torch.zeros_like(self.weights)

    def begin(self, weights: Tensor, some: Tensor) -> None:
        """Starts a sum at `weights` [r, P] for other rows, as many as before."""
        self.weights.copy_(weights)
        self.some.copy_(some)
        self.total.zero_()

    def work(self, index: Tensor) -> None:
        batches, some = self.batches, self.some
        x = normalised(batches.x, index, batches.scale[some], batches.shift[some])
        y = batches.y[index]
        copies = {name: b[some] for name, b in self.matrix.buffers.items()}
        g = self.oracle.gradient(self.weights, copies, x, y)[0]
        self.total.add_(g, alpha=y.shape[1])
