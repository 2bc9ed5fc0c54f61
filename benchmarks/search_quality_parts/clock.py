"""Time on a table runs in rounds, as in vrtune's loop: every open trial trains an epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from search_quality_parts.table import Curve, Table
from vrtune.studies.folds import report_folds


@dataclass(frozen=True)
class Completed:
    """A trial that ran to its end."""

    spent: float  # by all trials until then
    value: float
    number: int


@dataclass
class Log:
    """What a search found, and what it cost."""

    completed: list[Completed] = field(default_factory=list)
    spent: float = 0.0

    def best(self, trials: float = math.inf, spent: float = math.inf) -> float:
        """Of the first `trials`, for `spent` at most; infinite if none was complete."""
        found = (c.value for c in self.completed if c.number < trials and c.spent <= spent)
        return min(found, default=math.inf)

    def hit(self, goal: float) -> float:
        """What was spent when a trial reached the goal; infinite if none did."""
        return min((c.spent for c in self.completed if c.value <= goal), default=math.inf)


@dataclass
class Running:
    """A trial in training."""

    trial: optuna.Trial
    curve: Curve
    epoch: int = 0

    @property
    def losses(self) -> list[float]:
        """Of the folds, after its last epoch."""
        return [float(loss) for loss in self.curve.losses[self.epoch - 1]]

    @property
    def mean(self) -> float:
        return float(np.mean(self.losses))


class Clock:
    """Runs a study's trials on a table, `slots` of them at a time."""

    def __init__(
        self,
        table: Table,
        study: optuna.Study,
        *,
        slots: int,
        trials: int,
        together: int = 0,
        ahead: bool = False,
    ) -> None:
        """The first `together` trials start at once. `ahead`: successors are asked for while an
        epoch trains, as vrtune's loop does where several trials are open: as many as will end for
        certain, or as ended the time before."""
        self.table, self.study, self.slots, self.left = table, study, slots, trials
        self.together, self.ahead = together, ahead and slots > 1
        self.open: list[Running] = []
        self.ready: list[Running] = []
        self.ended = 0  # in the last round
        self.log = Log()

    def run(self) -> Log:
        """Until no trial is left."""
        self._fill(max(self.slots, self.together))
        while True:
            self._fill(self.slots)
            if not self.open:
                return self.log
            if self.ahead:
                last = sum(running.epoch + 1 == self.table.epochs for running in self.open)
                self._ask(max(last, min(self.ended, self.slots // 2)))
            self._round()

    def _fill(self, slots: int) -> None:
        """Until so many trials are open."""
        self._ask(slots - len(self.open))
        while self.ready and len(self.open) < slots:
            self.open.append(self.ready.pop(0))

    def _ask(self, count: int) -> None:
        """Until so many are ready."""
        while len(self.ready) < count and self.left:
            self.left -= 1
            trial = self.study.ask(self.table.distributions)
            self.ready.append(Running(trial, self.table.curve(trial.params)))

    def _round(self) -> None:
        """An epoch: all trials report, then it is decided about each, then some end."""
        for running in self.open:
            running.epoch += 1
            self.log.spent += float(running.curve.costs[running.epoch - 1])
        for running in self.open:
            report_folds(running.trial, running.losses, running.epoch)
        trials = self.study.get_trials(deepcopy=False)
        ends = [self._state(running, trials) for running in self.open]
        for running, state in zip(self.open, ends, strict=True):
            if state is TrialState.COMPLETE:
                number = running.trial.number
                self.study.tell(running.trial, running.mean)
                self.log.completed.append(Completed(self.log.spent, running.mean, number))
            elif state is TrialState.PRUNED:
                self.study.tell(running.trial, state=state)
        self.open = [r for r, state in zip(self.open, ends, strict=True) if state is None]
        self.ended = len(ends) - len(self.open)

    def _state(self, running: Running, trials: list[Any]) -> TrialState | None:
        """How a trial ends in this round, if it does."""
        if not math.isfinite(running.mean):
            return TrialState.PRUNED
        if running.epoch == self.table.epochs:
            return TrialState.COMPLETE
        pruned = self.study.pruner.prune(self.study, trials[running.trial.number])
        return TrialState.PRUNED if pruned else None
