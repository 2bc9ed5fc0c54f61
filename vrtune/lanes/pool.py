"""Trials in training: each a set of lanes, grouped by the program they share."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from vrtune.lanes.batches import Stream
from vrtune.lanes.replay import release
from vrtune.lanes.rows import Lane, Program
from vrtune.lanes.states import State, state_of
from vrtune.lanes.train import Lanes
from vrtune.lanes.workspace import Workspace
from vrtune.trial_config import TrialConfig


@dataclass(frozen=True)
class Standing:
    """Where a trial stands after an epoch; one entry a lane."""

    epoch: int
    train_losses: list[float]
    losses: list[float]  # on the validation parts; empty after an epoch that is not judged
    gradient_computations: float
    metrics: dict[str, list[float]] = field(default_factory=dict)  # judged as the losses are
    metric: str = "loss"  # what the study is judged by

    @property
    def values(self) -> list[float]:
        """What the study is judged by: the losses, or one of the metrics."""
        return self.losses if self.metric == "loss" else self.metrics.get(self.metric, [])

    @property
    def accuracies(self) -> list[float]:
        """The shares of labels that are right; empty where targets are numbers."""
        return self.metrics.get("accuracy", [])


class Pool:
    """The trials that train now. A trial's lanes advance together; so do all trials."""

    def __init__(
        self, workspace: Workspace, streams: list[Stream], *, fused: bool, most: int | None = None
    ) -> None:
        """Of fused lanes, `most` are computed in one gradient, or all."""
        self.workspace, self.streams, self.fused, self.most = workspace, streams, fused, most
        self.groups: dict[Program, Lanes] = {}
        self.training: Lanes | None = None  # the group that takes steps now

    def exchange(
        self,
        ended: Iterable[int],
        fresh: dict[int, TrialConfig],
        states: Mapping[int, Sequence[State]] | None = None,
    ) -> None:
        """Frees the rows of `ended` trials and seats `fresh` ones, in those rows first. Some of
        them go on from `states`, one a lane."""
        gone = set(ended)
        incoming: dict[Program, list[Lane]] = {}
        for trial, config in fresh.items():
            lanes = [Lane(trial, config, stream) for stream in self.streams]
            for lane, state in zip(lanes, (states or {}).get(trial, ()), strict=False):
                lane.state = state
            incoming.setdefault(Program.of(config), []).extend(lanes)
        for program in dict.fromkeys([*self.groups, *incoming]):  # in an order that repeats
            if program not in self.groups:
                self.groups[program] = self.workspace.lanes(
                    program, fused=self.fused, most=self.most
                )
            _exchange(self.groups[program], gone, incoming.get(program, []))
        self.groups = {p: lanes for p, lanes in self.groups.items() if lanes.seats}

    def clear(self) -> None:
        """Gives up every row, and the memory."""
        self.groups, self.training = {}, None
        release(self.workspace.device)

    def halve(self, trials: int) -> int:
        """Gives up every row, and computes half as many lanes at once from now on, where so many
        trials were to be trained. Returns how many; 0 if that can't be, or is of no use."""
        before = self.most or trials * len(self.streams)
        if not self.fused or before == 1:
            return 0
        self.clear()
        self.most = before // 2
        return self.most

    def restore(
        self, trials: dict[int, tuple[TrialConfig, int]], after_step: Callable[[], None]
    ) -> None:
        """Trains trials anew, each up to the epoch that it had reached: the same numbers, as all
        that is random has a name."""
        oldest = max(epoch for _, epoch in trials.values())
        for age in range(oldest, -1, -1):
            self.exchange([], {n: config for n, (config, epoch) in trials.items() if epoch == age})
            if age > 0:
                self.train_epoch(after_step)

    def use_threads(self, threads: int) -> None:
        """Trains the lanes on so many threads from now on: values change by rounding alone."""
        self.workspace.threads = threads
        for lanes in self.groups.values():
            lanes.oracle.use_threads(threads)

    def train_epoch(self, after_step: Callable[[], None]) -> dict[int, list[float]]:
        """Trains every trial for an epoch; returns the training losses of its lanes."""
        out: dict[int, list[float]] = {}
        for lanes in self.groups.values():
            self.training = lanes
            losses = lanes.train_epoch(after_step).tolist()
            for lane, loss in zip(lanes.seats, losses, strict=True):
                out.setdefault(lane.trial, []).append(loss)
        self.training = None
        return out

    def validate(
        self, train_losses: dict[int, list[float]], epochs: Container[int] | None = None
    ) -> dict[int, Standing]:
        """Judges every trial on the validation parts of its lanes; or only those that are at one of
        these epochs, or whose training loss or weights are no longer finite."""
        out: dict[int, Standing] = {}
        for lanes in self.groups.values():
            due = _due(lanes, train_losses, epochs)
            judged = lanes.validate(due) if due else None
            at = {row: i for i, row in enumerate(due)}
            losses = judged.loss.tolist() if judged else []
            metrics = {n: v.tolist() for n, v in judged.metrics.items()} if judged else {}
            for trial in dict.fromkeys(lane.trial for lane in lanes.seats):
                rows = [row for row, lane in enumerate(lanes.seats) if lane.trial == trial]
                out[trial] = Standing(
                    epoch=lanes.seats[rows[0]].epoch,
                    train_losses=train_losses[trial],
                    losses=[losses[at[row]] for row in rows if row in at],
                    gradient_computations=sum(lanes.seats[r].gradient_computations for r in rows),
                    metrics={
                        name: [values[at[row]] for row in rows if row in at]
                        for name, values in metrics.items()
                    },
                    metric=lanes.objective.metric,
                )
        return out

    def states(self, trial: int) -> list[State]:
        """A copy of all that a trial has come to, lane by lane."""
        return [
            state_of(lanes.rows, row, lane)
            for lanes in self.groups.values()
            for row, lane in enumerate(lanes.seats)
            if lane.trial == trial
        ]

    def weights(self, trial: int) -> list[dict[str, Tensor]]:
        """A copy of a trial's tensors, lane by lane, by the names that the model gives them."""
        out: list[dict[str, Tensor]] = []
        for lanes in self.groups.values():
            views = lanes.rows.named()
            out += [
                {name: v[row].detach().to("cpu", copy=True) for name, v in views.items()}
                for row, lane in enumerate(lanes.seats)
                if lane.trial == trial
            ]
        return out


def finite(values: list[float]) -> list[float | None]:
    """The values, with null for NaN and infinities, which JSON has no word for."""
    return [v if math.isfinite(v) else None for v in values]


def _due(
    lanes: Lanes, train_losses: dict[int, list[float]], epochs: Container[int] | None
) -> list[int]:
    """The rows of the trials that are to be judged."""
    if epochs is None:
        return list(range(len(lanes.seats)))
    finite_rows = lanes.rows.W.isfinite().all(1).tolist()
    diverged = {
        lane.trial
        for lane, sound in zip(lanes.seats, finite_rows, strict=True)
        if not (sound and all(map(math.isfinite, train_losses[lane.trial])))
    }
    return [
        row
        for row, lane in enumerate(lanes.seats)
        if lane.epoch in epochs or lane.trial in diverged
    ]


def _exchange(lanes: Lanes, gone: set[int], incoming: list[Lane]) -> None:
    """Refills the rows of ended lanes, adds rows for what does not fit, gives up what is left."""
    free = [row for row, lane in enumerate(lanes.seats) if lane.trial in gone]
    refilled = free[: len(incoming)]
    if refilled:
        lanes.refill(refilled, incoming[: len(refilled)])
    left_over = set(free[len(incoming) :])
    if left_over:
        lanes.keep([row for row in range(len(lanes.seats)) if row not in left_over])
    if incoming[len(refilled) :]:
        lanes.append(incoming[len(refilled) :])
