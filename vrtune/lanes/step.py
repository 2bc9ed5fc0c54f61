"""One step of all lanes, and one batch of a whole gradient: what a CUDA graph replays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from vrtune.estimators import Estimator, Factors
from vrtune.estimators.base import BatchGradient, TableGradient
from vrtune.gradients.oracle import Buffers, Oracle, joined
from vrtune.lanes.batches import Batches
from vrtune.lanes.looks import Looks
from vrtune.lanes.replay import Replay
from vrtune.lanes.rows import Rows
from vrtune.lanes.tables import factors
from vrtune.optimizers.base import Potential


def batch_gradient(
    oracle: Oracle,
    rows: Rows,
    batches: Batches,
    index: Tensor,
    took: Callable[[Tensor, Tensor], None],
    *,
    frozen: bool = False,
) -> BatchGradient:
    """g(.; B) of the batch `index` for all lanes. `took(g, losses)` sees the step's own gradient;
    `frozen` leaves batch-norm statistics as they are after that one too."""
    buffers, lanes = rows.buffers, len(rows.W)
    index, other = index.unbind(2) if index.dim() == 3 else (index, None)
    x, y = batches.fetch(index)
    x_off = x if other is None else batches.fetch(other)[0]
    batches.masks.on_step(buffers, index)
    masked = batches.masks.off_step(buffers, index if other is None else other)

    def gradient(*points: Tensor) -> tuple[Tensor, ...]:
        count = len(points)
        together = oracle.at_once and count > 1 and len(rows.parts(count * lanes)) == 1
        return (at_once if together else in_turn)(*points)

    def at_once(*points: Tensor) -> tuple[Tensor, ...]:
        """Rows of one call: the lanes at the first point, then the lanes at the next."""
        count = len(points)
        copies = {
            name: torch.cat([b, *[masked.get(name, b)] * (count - 1)])
            for name, b in buffers.items()
        }
        xs = torch.cat([x, *[x_off] * (count - 1)])
        G, losses = oracle.gradient(torch.cat(points), copies, xs, y.repeat(count, 1))
        if not frozen:
            for name, b in buffers.items():  # batch-norm reset: the other points' are thrown away
                b.copy_(copies[name][:lanes])
        took(G[:lanes], losses[:lanes])
        return G.split(lanes)

    def in_turn(*points: Tensor) -> tuple[Tensor, ...]:
        # batch-norm reset: copies are thrown away; all start from what is there before the step
        copied = [
            {name: (masked if i > 0 else {}).get(name, b).clone() for name, b in buffers.items()}
            if i > 0 or frozen
            else buffers
            for i in range(len(points))
        ]
        gradients = []
        for i, (weights, copy) in enumerate(zip(points, copied, strict=True)):
            g, losses = in_parts(oracle.gradient, rows, weights, copy, x_off if i > 0 else x, y)
            if i == 0:
                took(g, losses)
            gradients.append(g)
        return tuple(gradients)

    if not rows.estimator.settings.keeps_table:
        return gradient

    def own() -> Buffers:
        return {name: b.clone() for name, b in buffers.items()} if frozen else buffers

    def each(weights: Tensor) -> Tensor:
        G, losses = in_parts(oracle.each, rows, weights, own(), x, y)
        took(G.mean(1), losses.mean(1))
        return G

    def by_factors(weights: Tensor) -> Factors:
        found, losses = factors(oracle, rows.parts(lanes), weights, own(), x, y)
        took(found.mean(rows.W), losses.mean(1))
        return found

    numbers, subset = batches.places(index)
    return TableGradient(gradient, index.shape[1], numbers, subset, each, by_factors)


def in_parts(
    gradient: Callable[[Tensor, Buffers, Tensor, Tensor], tuple[Tensor, Tensor]],
    rows: Rows,
    W: Tensor,
    buffers: Buffers,
    x: Tensor,
    y: Tensor,
) -> tuple[Tensor, Tensor]:
    """Gradients [r, P] and losses [r] of lanes of `rows`, as many at once as they say; `gradient`
    is an oracle's, or its `each`."""
    found = []
    for part in rows.parts(len(W)):
        own = {name: b[part] for name, b in buffers.items()}
        found.append(gradient(W[part], own, x[part], y[part]))
    gradients, losses = zip(*found, strict=True)
    return joined(gradients), joined(losses)


class ByWidth(ABC):
    """Calls `work(index)` for batches index [r, B], one replay for every B: an epoch has two.

    Work that `captures` rules out, as a step rule may, is run each time.
    """

    captures = True

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.replays: dict[int, tuple[Tensor, Replay]] = {}

    @abstractmethod
    def work(self, index: Tensor) -> None:
        """One batch."""

    def __call__(self, index: Tensor) -> None:
        if not self.captures:
            return self.work(index)
        width = index.shape[1]
        if width not in self.replays:
            held = torch.empty_like(index, memory_format=torch.contiguous_format)
            self.replays[width] = held, Replay(self.device)
        held, replay = self.replays[width]
        held.copy_(index)
        replay(lambda: self.work(held))


class Step(ByWidth):
    """Gather the batch, gradients, estimate, step rule; losses are summed up in `total` [L]."""

    def __init__(
        self,
        oracle: Oracle,
        rows: Rows,
        batches: Batches,
        estimator: Estimator,
        looks: Looks | None = None,
        potential: Potential | None = None,
    ) -> None:
        """`potential`, of the lanes, is what a rule that `adjusts` asks for."""
        super().__init__(rows.W.device)
        self.looks, self.potential = looks, potential
        self.oracle, self.rows, self.batches = oracle, rows, batches
        self.estimator, self.captures = estimator, rows.optimizer.captures and not oracle.draws
        self.total = rows.W.new_zeros(len(rows.W))

    def work(self, index: Tensor) -> None:
        rows = self.rows

        def took(g: Tensor, losses: Tensor) -> None:
            self.total.add_(losses, alpha=index.shape[1])

        gradient = batch_gradient(self.oracle, rows, self.batches, index, took)
        before = self._remembered() if self.potential is not None else {}
        d, eta = self.estimator.estimate(rows.W, rows.hp["estimator"], rows.clock, gradient)
        step_size = rows.hp["optimizer"]["lr"] if eta is None else eta
        d = rows.penalty.add(rows.W, d, rows.hp["penalty"])
        step_size = step_size * rows.times["factor"]
        if self.looks is not None:
            self.looks.show(index)
        rows.penalty.decay(rows.W, step_size, rows.hp["penalty"])
        if self.potential is None:
            rows.optimizer.step(rows.W, d, step_size, rows.hp["optimizer"])
        else:
            self._adjusted(index, before, d, step_size)
        rows.penalty.shrink(rows.W, step_size, rows.hp["penalty"])
        rows.average_in()

    def _remembered(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.estimator.state.items()}

    def _adjusted(self, index: Tensor, before: dict[str, Tensor], d: Tensor, eta: Tensor) -> None:
        """The step of a rule that asks for the estimate elsewhere, and for the potential."""
        rows, potential, state = self.rows, self.potential, self.estimator.state
        assert potential is not None

        def again(points: Tensor) -> Tensor:
            after = self._remembered()
            gradient = batch_gradient(
                self.oracle, rows, self.batches, index, lambda g, losses: None, frozen=True
            )
            _recall(state, before)  # a table that has seen the step is another estimator
            d, _ = self.estimator.estimate(points, rows.hp["estimator"], rows.clock, gradient)
            d = rows.penalty.add(points, d, rows.hp["penalty"])
            _recall(state, after)
            return d

        def penalised(points: Tensor) -> Tensor:
            return potential(points) + rows.penalty.value(points, rows.hp["penalty"])

        rows.optimizer.adjusted(rows.W, d, eta, rows.hp["optimizer"], again, penalised)


def _recall(state: dict[str, Tensor], remembered: dict[str, Tensor]) -> None:
    for name, tensor in remembered.items():
        state[name].copy_(tensor)


class PartialSum(ByWidth):
    """Adds a batch's gradients at fixed weights, off the step, to `total` [r, P]."""

    def __init__(self, oracle: Oracle, rows: Rows, batches: Batches, some: Tensor) -> None:
        """`some` [r] are the rows whose batches and buffers are used."""
        super().__init__(rows.W.device)
        self.oracle, self.rows, self.batches = oracle, rows, batches
        self.some = some.clone()
        self.weights = rows.W.new_zeros(len(some), rows.W.shape[1])
        self.total = torch.zeros_like(self.weights)
        self.captures = not oracle.draws

    def begin(self, weights: Tensor, some: Tensor) -> None:
        """Starts a sum at `weights` [r, P] for other rows, as many as before."""
        self.weights.copy_(weights)
        self.some.copy_(some)
        self.total.zero_()

    def work(self, index: Tensor) -> None:
        batches, some = self.batches, self.some
        x, y = batches.fetch(index, some)
        copies = {name: b[some] for name, b in self.rows.buffers.items()}
        copies |= batches.masks.off_step(copies, index, some)
        g = in_parts(self.oracle.gradient, self.rows, self.weights, copies, x, y)[0]
        self.total.add_(g, alpha=y.shape[1])
