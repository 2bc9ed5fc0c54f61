"""The search loop of a process: ask -> admit -> train an epoch -> report -> prune or tell."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from vrtune.config import TrialConfig
from vrtune.errors import UsageError
from vrtune.interrupts import uninterrupted
from vrtune.lanes.pool import Pool, Progress
from vrtune.leases import Heartbeats, put_back, worker_identity
from vrtune.snapshot import Snapshot
from vrtune.spaces import Space

DIVERGED = (
    10.0  # a trial that diverges before its first finite loss counts as this many ln(classes)
)


class Stopped(Exception):
    """Raised between two steps to end the loop; open trials are put back."""


@dataclass(frozen=True)
class Event:
    """Something the loop tells whoever shows the progress: one trial's end, or a round's."""

    kind: str  # "finished" or "round"
    number: int = -1
    state: str = ""
    value: float | None = None
    epoch: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    running: int = 0
    lanes: int = 0  # taken
    worker: int = 0


@dataclass
class _Open:
    """A trial in training."""

    trial: optuna.Trial
    since: float
    last: float  # the last finite mean validation loss, or the value of diverging at once
    config: TrialConfig | None = None  # until the space has been asked


class SearchLoop:
    """Runs a study's trials, `slots` of them at a time, until no ticket for another is left."""

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        pool: Pool,
        *,
        slots: int,
        ticket: Callable[[], bool],
        stopping: Callable[[], bool],
        tell: Callable[[Event], None],
    ) -> None:
        """`ticket` grants one more trial; `stopping` turns true when the user wants to stop."""
        self.study, self.space, self.pool, self.slots = study, space, pool, slots
        self.ticket, self.stopping, self.show = ticket, stopping, tell
        self.task = pool.workspace.task
        self.snapshot = Snapshot(study._storage)
        self.judged = optuna.Study(
            study.study_name,
            self.snapshot,  # type: ignore[arg-type]
            sampler=study.sampler,
            pruner=study.pruner,
        )
        self.open: dict[int, _Open] = {}
        self.ids: set[int] = set()
        self.identity = worker_identity()

    def run(self) -> None:
        """Trains until tickets run out. Stopped or any error puts the open trials back."""
        ended: list[int] = []
        with Heartbeats(self.study, self.ids) as self.heart:
            try:
                while True:
                    fresh = self._ask()
                    self.pool.exchange(ended, {n: self._config(n) for n in fresh})
                    if not self.open:
                        return
                    train_losses = self.pool.train_epoch(self._check)
                    ended = self._judge(self.pool.validate(train_losses))
            except BaseException:
                with uninterrupted():
                    self._put_back()
                raise

    def _config(self, number: int) -> TrialConfig:
        config = self.open[number].config
        assert config is not None
        return config

    def _put_back(self) -> None:
        for number, entry in self.open.items():
            with contextlib.suppress(Exception):  # the first error is the one to be seen
                put_back(self.study, self.study._storage.get_trial(entry.trial._trial_id))
                self.show(Event("finished", number=number, state="put back"))

    def _check(self) -> None:
        if self.stopping():
            raise Stopped

    def _ask(self) -> list[int]:
        """Fills the free slots with trials from `study.ask`."""
        fresh: list[int] = []
        while len(self.open) < self.slots:
            self._check()
            if not self.ticket():
                break
            trial = self.study.ask()
            guess = DIVERGED * math.log(self.pool.workspace.dataset.classes)
            self.open[trial.number] = entry = _Open(trial, time.monotonic(), guess)
            self.ids.add(trial._trial_id)
            self.heart.record(trial._trial_id)
            trial.set_user_attr("worker", self.identity)
            try:
                entry.config = self.space.suggest(trial)
            except UsageError:  # asked again, the module would only break again
                self._drop(trial.number)
                self.study.tell(trial, state=TrialState.FAIL)
                raise
            trial.set_user_attr("config", entry.config.model_dump(mode="json"))
            fresh.append(trial.number)
        return fresh

    def _judge(self, progress: dict[int, Progress]) -> list[int]:
        """Reports every trial's mean over folds, then ends those that are pruned or done."""
        diverged, lost = set(), set()  # lost: another process took it for dead and queued it again
        for number, state in progress.items():
            entry = self.open[number]
            mean = sum(state.losses) / len(state.losses)
            if math.isfinite(mean):
                entry.last = mean
            else:
                diverged.add(number)
            try:
                entry.trial.report(entry.last, step=state.epoch)
            except UpdateFinishedTrialError:
                lost.add(number)
        self.snapshot.take(self.study._study_id)
        ended = []
        for number, state in progress.items():
            done = state.epoch >= self.task.epochs
            if number in lost:
                self._drop(number)
            elif number in diverged or (not done and self._prune(number)):
                self._end(number, state, TrialState.PRUNED, diverged=number in diverged)
            elif done:
                self._end(number, state, TrialState.COMPLETE)
            else:
                continue
            ended.append(number)
        lanes = sum(len(lanes.seats) for lanes in self.pool.groups.values())
        self.show(Event("round", running=len(self.open), lanes=lanes))
        return ended

    def _drop(self, number: int) -> None:
        self.ids.discard(self.open.pop(number).trial._trial_id)

    def _prune(self, number: int) -> bool:
        trial = self.snapshot.trial(self.open[number].trial._trial_id)
        return bool(self.study.pruner.prune(self.judged, trial))

    def _end(
        self, number: int, state: Progress, end: TrialState, *, diverged: bool = False
    ) -> None:
        """Keeps with the trial what it cost and what each fold said, and tells the study."""
        entry = self.open[number]
        seconds = time.monotonic() - entry.since
        kept = {
            "fold_values": finite(state.losses),
            "fold_accuracies": finite(state.accuracies),
            "gradient_computations": state.gradient_computations,
            "seconds": round(seconds, 3),
            "diverged": diverged,
        }
        for name, value in kept.items():
            entry.trial.set_user_attr(name, value)
        value = entry.last if end is TrialState.COMPLETE else None
        self.study.tell(entry.trial, value, state=end)
        self._drop(number)
        self.show(
            Event(
                "finished",
                number=number,
                state="diverged" if diverged else end.name.lower(),
                value=entry.last,
                epoch=state.epoch,
                params=dict(entry.trial.params),
                seconds=seconds,
            )
        )


def finite(values: list[float]) -> list[float | None]:
    """The values, with null for NaN and infinities, which JSON has no word for."""
    return [v if math.isfinite(v) else None for v in values]
