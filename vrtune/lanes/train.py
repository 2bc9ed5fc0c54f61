"""The only training loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import torch
from torch import Tensor, nn

from vrtune.config import Task
from vrtune.estimators import Estimator
from vrtune.estimators.plain import PlainEstimator
from vrtune.gradients.choice import make_oracle
from vrtune.lanes.batches import Batches, bounds
from vrtune.lanes.evaluate import Judged
from vrtune.lanes.initialise import initialise
from vrtune.lanes.judging import judge, potential
from vrtune.lanes.keys import key
from vrtune.lanes.looks import Looks
from vrtune.lanes.replay import release
from vrtune.lanes.rows import Lane, Program, Rows, Start
from vrtune.lanes.states import recall
from vrtune.lanes.step import PartialSum, Step
from vrtune.lanes.tables import Room
from vrtune.objectives.objective import Objective, objective_of


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
        program: Program,
        *,
        fused: bool,
        objective: Objective | None = None,
        precision: str = "float32",
        threads: int = 1,
        most: int | None = None,
        epochs: int = 1,
        augment: bool = False,
        lock_transforms: bool = True,
    ) -> None:
        """`make` builds the module with PyTorch's global random numbers; `data` is x and y of the
        training set, on the device that trains; `threads` share the lanes out; `most`
        are rows of one gradient, or all; `epochs` are those of a whole run, which schedules refer
        to; `objective` is cross-entropy of labels if none is given. The rest is the task's."""
        self.data, self.batch_size, self.program = data, batch_size, program
        self.device = data[0].device
        self.classes = 0 if data[1].is_floating_point() else int(data[1].max()) + 1
        self.objective = objective or objective_of(Task(), data[1].cpu(), int(data[1].max()) + 1)
        module = make().to(self.device)
        self.oracle = make_oracle(
            module,
            fused=fused,
            precision=precision,
            threads=threads,
            mean_loss=self.objective.mean,
            shape=tuple(data[0].shape[1:]),
        )
        self.rows = Rows(module, program, 0, most)
        self.room = Room(program, self.oracle, data, batch_size)
        self.epochs, self.lock_transforms = epochs, lock_transforms
        self.batches = Batches(*data, batch_size, augment=augment)
        self.looks = None
        if self.rows.optimizer.layers:
            shape = tuple(data[0].shape[1:])
            self.looks = Looks(self.oracle, self.rows, self.batches, self.objective, shape)
        self.plain = PlainEstimator(self.rows.W)
        self.seats: list[Lane] = []
        self.steps_done = 0  # in the epoch that trains
        self._steps: dict[Estimator, Step] = {}  # made for the rows there are
        self._sums: dict[int, PartialSum] = {}  # by their number of rows

        device = self.device

        @lru_cache(maxsize=64)
        def start(stream_key: tuple[object, ...]) -> Start:
            """Of a stream: every trial starts from the same weights."""
            with torch.random.fork_rng([device] if device.type == "cuda" else []):
                torch.manual_seed(key(*stream_key, "weights"))
                return Start(make().to(device))

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
            lane.over(self.epochs)
        if self.room.make(self.rows, lanes):  # tables have moved
            self._forget()
        streams = [lane.stream for lane in lanes]
        at = torch.tensor(rows, device=self.device)
        self.rows.write(at, lanes, [self._start(stream.key()) for stream in streams])
        steps = [[self.epochs * len(bounds(len(s.train), self.batch_size))] for s in streams]
        self.rows.about["steps"][at] = torch.tensor(steps, device=self.device)
        fresh = [(row, lane) for row, lane in zip(rows, lanes, strict=True) if lane.state is None]
        initialise(self, [row for row, _ in fresh], [lane for _, lane in fresh])
        self.rows.start(at)
        for row, lane in zip(rows, lanes, strict=True):
            if lane.state is not None and recall(self.rows, row, lane, lane.state):
                self._forget()
            lane.state = None

    def keep(self, rows: list[int]) -> None:
        """Gives up every row but these."""
        self._resize(rows, 0)
        self.seats = [self.seats[row] for row in rows]

    def _resize(self, keep: list[int], extra: int) -> None:
        self._forget()
        self.rows.resize(keep, extra)

    def _forget(self) -> None:
        """Gives up the steps that were made for the rows there are."""
        captured = bool(self._steps or self._sums) and self.device.type == "cuda"
        self._steps.clear()
        self._sums.clear()
        if captured:
            release(self.device)

    # ---- training ------------------------------------------------------------------------------

    def train_epoch(self, after_step: Callable[[], None] = lambda: None) -> Tensor:
        """Trains every lane for its next epoch; returns the mean training loss of each, [L].

        `after_step` is called after every step, and may raise to stop.
        """
        rows, seats, batches = self.rows, self.seats, self.batches
        epochs = [lane.epoch for lane in seats]
        batches.begin_epoch(
            [lane.stream for lane in seats],
            epochs,
            [lane.partition for lane in seats],
            locked=self.lock_transforms or not self.program.like.estimator.keeps_snapshot,
            cuts=[lane.cut for lane in seats] if self.room.samples else None,
        )
        rows.tick(epochs, self.epochs)
        count = len(batches.bounds())
        snapshots, factors = self._snapshots(count), self._factors(count)
        step = self._choose_step()
        step.total.zero_()
        self.steps_done = 0
        for i, index in enumerate(batches):
            for last, due in snapshots.get(i, {}).items():
                self._snapshot(due, i, last, after_step)
            rows.times["factor"].copy_(factors[:, i : i + 1])
            step(index)
            self.steps_done = i + 1
            after_step()
        for lane in seats:
            lane.gradient_computations += lane.cost_of(count) * count
            lane.epoch += 1
        return step.total / batches.order.shape[1]

    @property
    def estimator(self) -> Estimator:
        """The program's; plain gradients while every lane waits for a late start."""
        started = any(lane.started for lane in self.seats)
        return self.rows.estimator if started else self.plain

    @property
    def total(self) -> Tensor:
        """The training losses of the epoch so far, summed over samples, [L]."""
        return self._choose_step().total

    def _choose_step(self) -> Step:
        estimator = self.estimator
        if estimator not in self._steps:
            adjusts = self.program.like.optimizer.adjusts
            whole = partial(potential, self) if adjusts else None
            self._steps[estimator] = Step(
                self.oracle, self.rows, self.batches, estimator, self.looks, whole
            )
        return self._steps[estimator]

    def _factors(self, count: int) -> Tensor:
        """What the schedules make of the step sizes in this epoch, [L, steps]."""
        share = torch.arange(count, dtype=torch.float64) / count
        rows = [
            lane.config.schedule.factors(lane.epoch + share, self.epochs) for lane in self.seats
        ]
        return torch.stack(rows).to(self.rows.W)

    def _snapshots(self, count: int) -> dict[int, dict[int, list[int]]]:
        """Before which batch which rows take a snapshot, over the batches up to which."""
        due: dict[int, dict[int, list[int]]] = {}
        for row, lane in enumerate(self.seats):
            method = lane.config.estimator
            if not method.keeps_snapshot or not lane.started or lane.epoch != lane.partition:
                continue
            every = method.batches or count
            for first in range(0, count, every):
                last = min(first + every, count)
                due.setdefault(first, {}).setdefault(last, []).append(row)
        return due

    def _snapshot(
        self, due: list[int], first: int, last: int, after_step: Callable[[], None]
    ) -> None:
        """Lets the estimator take a snapshot of the rows due over the batches first .. last - 1."""
        bounds = self.batches.bounds()[first:last]

        def whole_gradient(weights: Tensor, rows: Tensor) -> Tensor:
            """The mean gradient at weights [r, P] over the batches, off the step."""
            if len(rows) not in self._sums:
                self._sums[len(rows)] = PartialSum(self.oracle, self.rows, self.batches, rows)
            add = self._sums[len(rows)]
            add.begin(weights, rows)
            for index in self.batches.of_snapshot(rows, first, last):
                add(index)
                after_step()
            if self.device.type == "cpu":  # nothing was captured: do not hold the memory
                self._sums.clear()
            return add.total / (bounds[-1][1] - bounds[0][0])

        index = torch.tensor(due, device=self.device)
        self.rows.estimator.snapshot(index, self.rows.W, whole_gradient)
        for row in due:
            self.seats[row].gradient_computations += len(bounds)

    # ---- judging -------------------------------------------------------------------------------

    def validate(self, rows: list[int] | None = None) -> Judged:
        """How these rows, or all, do on their validation parts."""
        rows = list(range(len(self.seats))) if rows is None else rows
        index = torch.stack([self.seats[row].stream.validation for row in rows]).to(self.device)
        return judge(self, rows, self.data, index)

    def judge(self, data: tuple[Tensor, Tensor], index: Tensor) -> Judged:
        """How every lane does on data x, y at `index` [L, m]."""
        return judge(self, list(range(len(self.seats))), data, index)
