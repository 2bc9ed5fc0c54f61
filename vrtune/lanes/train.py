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
from vrtune.lanes.step import PartialSum, Step


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
        precision: str = "float32",
    ) -> None:
        """`make` builds the module with PyTorch's global random numbers; `data` is x and y of the
        training set, on the device that trains."""
        self.data, self.batch_size, self.program = data, batch_size, program
        self.device, self.classes = data[0].device, int(data[1].max()) + 1
        module = make().to(self.device)
        self.oracle: Oracle = (Fused if fused else Looped)(module, precision)
        self.rows = Rows(module, program, 0)
        self.batches = Batches(*data, batch_size)
        self.seats: list[Lane] = []
        self._step: Step | None = None  # made for the rows there are
        self._sums: dict[int, PartialSum] = {}  # by their number of rows

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
        self._resize(list(range(first)), len(lanes))
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
        self._resize(rows, 0)
        self.seats = [self.seats[row] for row in rows]

    def _resize(self, keep: list[int], extra: int) -> None:
        self._step = None
        self._sums.clear()
        self.rows.resize(keep, extra)

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
        x = self.data[0]
        generators = [generator(*stream.key(step, "noise")) for stream in streams]
        shape = (self.batch_size, *x.shape[1:])
        noise = torch.stack([torch.randn(shape, generator=g) for g in generators])
        labels = [torch.randint(self.classes, (self.batch_size,), generator=g) for g in generators]
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
        step = self._step = self._step or Step(self.oracle, rows, self.batches)
        step.total.zero_()
        for index in self.batches:
            step(index)
            after_step()
        for lane in seats:
            lane.epoch += 1
            lane.gradient_computations += rows.estimator.cost * len(self.batches.bounds())
        return step.total / self.batches.order.shape[1]

    def _snapshot(self, due: list[int], after_step: Callable[[], None]) -> None:
        """Lets the estimator take a snapshot of the rows due."""
        if not due:
            return

        def whole_gradient(weights: Tensor, rows: Tensor) -> Tensor:
            """grad F at weights [r, P]: the mean over the epoch's own batches, off the step."""
            if len(rows) not in self._sums:
                self._sums[len(rows)] = PartialSum(self.oracle, self.rows, self.batches, rows)
            add = self._sums[len(rows)]
            add.begin(weights, rows)
            for index in self.batches.of(rows):
                add(index)
                after_step()
            if self.device.type == "cpu":  # nothing was captured: do not hold the memory
                self._sums.clear()
            return add.total / self.batches.order.shape[1]

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
