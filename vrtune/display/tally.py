"""What the events of long work add up to: how far it is, how long it takes, what came out."""

from __future__ import annotations

from dataclasses import dataclass, field

from vrtune.display.measures import cost
from vrtune.events import (
    Confirming,
    Event,
    Finished,
    Planned,
    Preparing,
    Retraining,
    RoundEnded,
    Stepped,
)

ENDED = ("complete", "pruned", "diverged", "failed")  # trials that need no more work
# the time left is guessed once both hold
LEAST = 0.1  # so much of one trial is done; of other work a tenth of this share
SOON_S = 2.0  # so many seconds have gone


@dataclass
class Worker:
    """Where a process of the search is."""

    running: int = 0  # trials
    behind: int = 0  # epochs that they have behind them, all together
    spent: float = 0.0  # gradient computations
    share: float = 0.0  # of the epoch they are in
    at: Stepped | None = None  # the last word of the one with the lowest number
    done: float = 0.0  # epochs of that one

    def trials(self, epochs: int) -> float:
        """What its unfinished trials amount to, as far as that is known."""
        return max(self.behind + self.running * self.share, self.done) / epochs


@dataclass
class Tally:
    """Events added up. Moments are seconds of a monotonic clock."""

    began: float  # when somebody started to watch
    doing: str  # what is done until a training begins; what a retraining is for
    plan: Planned  # without a text until there is one
    counts: dict[str, int] = field(default_factory=dict)  # ended trials by state
    best: tuple[float, int] | None = None  # value, number
    workers: dict[int, Worker] = field(default_factory=dict)
    judged: Confirming | None = None  # the trial that is judged again
    again: Retraining | None = None
    since: float | None = None  # when the first training of what is done now began

    def take(self, event: Event, now: float) -> None:
        """Adds one event."""
        match event:
            case Preparing():
                self.doing = event.text
            case Planned():
                self.plan = event
                if event.best is not None and event.best_trial is not None:
                    self.best = (event.best, event.best_trial)
            case Stepped():
                self.since = now if self.since is None else self.since
                worker = self._worker(event)
                worker.at, worker.share = event, event.step / max(1, event.steps)
                worker.done = event.epoch - 1 + worker.share
            case RoundEnded():
                self.since = now if self.since is None else self.since
                worker = self._worker(event)
                worker.running, worker.behind = event.running, event.behind
                worker.spent, worker.share = event.spent, 0.0
                worker.done = worker.at.epoch if worker.at else 0.0
            case Finished():
                self._finish(event)
            case Confirming():
                before = self.judged
                if before is None or (before.trial, before.time) != (event.trial, event.time):
                    self._turn(now)
                self.judged = event
                self._worker(event).share = 0.0
            case Retraining():
                if self.again is None:
                    self._turn(now)
                self.again, self.doing = event, event.doing or self.doing
                self._worker(event).share = 0.0

    def _key(self, best: tuple[float, int]) -> tuple[float, int]:
        return cost(best[0], self.plan.direction), best[1]

    def _worker(self, event: Event) -> Worker:
        return self.workers.setdefault(event.worker, Worker())

    def _turn(self, now: float) -> None:
        """Something else begins."""
        self.workers, self.since = {}, now

    def _finish(self, event: Finished) -> None:
        worker = self._worker(event)
        if worker.at and worker.at.trial == event.number:
            worker.at, worker.done = None, 0.0
        if event.state in ENDED:
            self.counts[event.state] = self.counts.get(event.state, 0) + 1
        if event.state == "complete" and event.value is not None:
            mine = (event.value, event.number)
            self.best = min(self.best or mine, mine, key=self._key)

    # ---- how far -------------------------------------------------------------------------------

    @property
    def ended(self) -> int:
        """Trials that need no more work."""
        return sum(self.counts.values())

    @property
    def searching(self) -> bool:
        """Whether trials are what is done now, or done next."""
        return self.again is None and self.judged is None and bool(self.plan.text)

    @property
    def epochs(self) -> int:
        """Of each training; 0 if nobody said."""
        return (
            (self.again and self.again.epochs)
            or (self.judged and self.judged.epochs)
            or self.plan.epochs
        )

    def share(self) -> float | None:
        """How much of what is done now is done, from 0 to 1; None if nobody knows."""
        if not self.searching:
            epoch = current.epoch if (current := self.again or self.judged) else 0
            done = epoch + sum(worker.share for worker in self.workers.values())
            return min(1.0, done / self.epochs) if self.epochs else None
        if self.plan.budget:
            return min(1.0, sum(w.spent for w in self.workers.values()) / self.plan.budget)
        return min(1.0, self._trials() / self.plan.trials) if self.plan.trials else None

    def _trials(self) -> float:
        """Ended trials and what the others amount to."""
        return self.ended + sum(w.trials(self.epochs or 1) for w in self.workers.values())

    def elapsed(self, now: float) -> float:
        """Seconds since somebody started to watch."""
        return max(0.0, now - self.began)

    def left(self, now: float) -> float | None:
        """Seconds to go if what is to come takes as long as what was; None if too little is known
        to say so. Trials that are pruned count as they did so far."""
        share, since = self.share(), self.since
        if since is None or now < since + SOON_S or not share or share >= 1:
            return None
        least = LEAST / self.plan.trials if self.searching and self.plan.trials else LEAST / 10
        if share < least:
            return None
        guess = (now - since) * (1 - share) / share
        if self.searching and self.plan.timeout is not None:
            guess = min(guess, max(0.0, self.plan.timeout - self.elapsed(now)))
        return guess
