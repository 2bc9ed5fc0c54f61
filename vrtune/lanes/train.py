"""The only training loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from vrtune.inits import INITS
from vrtune.lanes.batches import Batches, Stream
from vrtune.lanes.evaluate import evaluate
from vrtune.lanes.gradients import Fused, Looped, Oracle
from vrtune.lanes.keys import generator, key
from vrtune.lanes.rows import Lane, Rows
from vrtune.lanes.smooth import SmoothNorms


class Lanes:
    """Lanes that share a program (estimator, optimizer) and advance an epoch at a time.

    `seats[row]` is the lane in a row. All rows are always taken: a lane that ends is replaced at
    once by `refill`, or its row is given up by `keep`.
    """

    def __init__(
        self,
        make: Callable[[], nn.Module],
        data: tuple[Tensor, Tensor],
        batch_size: int,
        program: tuple[str, str],
        *,
        fused: bool,
    ) -> None:
        """`make` builds the module with PyTorch's global random numbers; `data` is x and y of the
        training set, on the device that trains."""
        self.data, self.batch_size, self.program = data, batch_size, program
        self.device = data[0].device
        module = make().to(self.device)
        self.oracle: Oracle = Fused(module) if fused else Looped(module)
        self.rows = Rows(module, program, 0)
        self.batches = Batches(*data, batch_size)
        self.seats: list[Lane] = []

        @lru_cache(maxsize=64)
        def start(stream_key: tuple[object, ...]) -> nn.Module:
            """The module as a stream starts it: every trial starts from the same weights."""
            with torch.random.fork_rng():
                torch.manual_seed(key(*stream_key, "weights"))
                return make().to(self.device)

        self._start = start

    # ---- who sits where ------------------------------------------------------------------------

    def append(self, lanes: list[Lane]) -> None:
        """Adds rows for `lanes` at the end."""
        first = len(self.seats)
        self.rows.resize(list(range(first)), len(lanes))
        self.seats += lanes
        self.refill(list(range(first, first + len(lanes))), lanes)

    def refill(self, rows: list[int], lanes: list[Lane]) -> None:
        """Puts fresh lanes into rows whose lanes have ended; no shape changes."""
        for row, lane in zip(rows, lanes, strict=True):
            self.seats[row] = lane
        self.rows.write(rows, lanes, [self._start(lane.stream.key()) for lane in lanes])
        for kind in {lane.config.init.kind for lane in lanes}:
            chosen = [i for i, lane in enumerate(lanes) if lane.config.init.kind == kind]
            self._initialise(kind, [rows[i] for i in chosen], [lanes[i] for i in chosen])
        self.rows.start(torch.tensor(rows, device=self.device))

    def keep(self, rows: list[int]) -> None:
        """Gives up every row but these."""
        self.rows.resize(rows, 0)
        self.seats = [self.seats[row] for row in rows]

    def _initialise(self, kind: str, rows: list[int], lanes: list[Lane]) -> None:
        """Runs an init on the rows that want it; batch-norm statistics are put back afterwards."""
        W = self.rows.W[rows]
        parameters = list(self.rows.layout.views(W).values())
        hp = {name: value[rows] for name, value in self.rows.hp["init"].items()}

        def losses(leaves: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
            copies = {name: b[rows] for name, b in self.rows.buffers.items()}
            with SmoothNorms():
                return self.oracle.losses(leaves, copies, x, y)

        def probe(step: int) -> tuple[Tensor, Tensor]:
            return self._noise([lane.stream for lane in lanes], step)

        INITS[kind].start(parameters, hp, losses, probe)
        self.rows.W[rows] = W
        for lane in lanes:
            lane.gradient_computations += INITS[kind].spent(lane.config.init)

    def _noise(self, streams: list[Stream], step: int) -> tuple[Tensor, Tensor]:
        """A batch of N(0, 1) inputs and uniform labels for each stream."""
        x, y = self.data
        classes = int(y.max()) + 1
        generators = [generator(*stream.key(step, "noise")) for stream in streams]
        shape = (self.batch_size, *x.shape[1:])
        noise = torch.stack([torch.randn(shape, generator=g) for g in generators])
        labels = [torch.randint(classes, (self.batch_size,), generator=g) for g in generators]
        return noise.to(self.rows.W), torch.stack(labels).to(self.device)

    # ---- training ------------------------------------------------------------------------------

    def train_epoch(self, after_step: Callable[[], None] = lambda: None) -> Tensor:
        """Trains every lane for its next epoch; returns the mean training loss of each, [L].

        `after_step` is called after every step, and may raise to stop.
        """
        rows, seats = self.rows, self.seats
        partitions = [lane.epoch - lane.epoch % lane.snapshot_period for lane in seats]
        self.batches.begin_epoch(
            [lane.stream for lane in seats], [lane.epoch for lane in seats], partitions
        )
        if rows.estimator.keeps_snapshot:
            due = [row for row, lane in enumerate(seats) if lane.epoch == partitions[row]]
            self._snapshot(due, after_step)
        seen, total = 0, rows.W.new_zeros(len(seats))
        for x, y in self.batches:
            own: list[Tensor] = []

            def gradient(
                weights: Tensor,
                *,
                off_step: bool = False,
                x: Tensor = x,
                y: Tensor = y,
                own: list[Tensor] = own,
            ) -> Tensor:
                buffers = self.rows.buffers
                if off_step:  # batch-norm reset: these statistics are thrown away
                    buffers = {name: b.clone() for name, b in buffers.items()}
                g, losses = self.oracle.gradient(weights, buffers, x, y)
                if not off_step:
                    own.append(losses)
                return g

            d, eta = rows.estimator.estimate(rows.W, rows.hp["estimator"], gradient)
            step_size = rows.hp["optimizer"]["lr"] if eta is None else eta
            rows.optimizer.step(rows.W, d, step_size, rows.hp["optimizer"])
            total += own[0] * y.shape[1]
            seen += y.shape[1]
            after_step()
        for lane in seats:
            lane.epoch += 1
            lane.gradient_computations += rows.estimator.cost * len(self.batches.bounds())
        return total / seen

    def _snapshot(self, due: list[int], after_step: Callable[[], None]) -> None:
        """Lets the estimator take a snapshot of the rows due."""
        if not due:
            return

        def whole_gradient(weights: Tensor, rows: Tensor) -> Tensor:
            """grad F at weights [r, P]: the mean over the epoch's own batches, off the step."""
            total, seen = torch.zeros_like(weights), 0
            for x, y in self.batches.of(rows):
                copies = {name: b[rows] for name, b in self.rows.buffers.items()}
                total += self.oracle.gradient(weights, copies, x, y)[0] * y.shape[1]
                seen += y.shape[1]
                after_step()
            return total / seen

        index = torch.tensor(due, device=self.device)
        self.rows.estimator.snapshot(index, self.rows.W, whole_gradient)
        for row in due:
            self.seats[row].gradient_computations += len(self.batches.bounds())

    # ---- judging -------------------------------------------------------------------------------

    def validate(self) -> tuple[Tensor, Tensor]:
        """Mean loss and accuracy of every lane on its validation part, each [L]."""
        index = torch.stack([lane.stream.validation for lane in self.seats]).to(self.device)
        return self.judge(self.data, index)

    def judge(self, data: tuple[Tensor, Tensor], index: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss and accuracy of every lane on data x, y at `index` [L, m], each [L]."""
        streams = [lane.stream for lane in self.seats]
        return evaluate(self.oracle, self.rows.W, self.rows.buffers, streams, data, index)
