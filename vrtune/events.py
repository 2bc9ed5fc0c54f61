"""What long work says of its progress, and how it is stopped."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar


class Stopped(Exception):
    """Raised between two steps to end the loop; open trials are put back."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. `worker` numbers the process of a search; 0 is the caller's."""

    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type[Event]]] = {}
    worker: int = 0

    def __init_subclass__(cls) -> None:
        Event.kinds[cls.kind] = cls

    def message(self) -> dict[str, Any]:
        """The event as plain data, for another process."""
        return {"kind": self.kind, **asdict(self)}

    @staticmethod
    def read(message: dict[str, Any], worker: int) -> Event:
        """The event that `message` was made of, as one of a process."""
        fields = {**message, "worker": worker}
        return Event.kinds[fields.pop("kind")](**fields)


@dataclass(frozen=True, kw_only=True)
class Preparing(Event):
    """Something is about to be done that takes its time, before any training."""

    kind = "preparing"
    text: str


@dataclass(frozen=True, kw_only=True)
class Planned(Event):
    """The way to train was chosen, and how much there is to do."""

    kind = "plan"
    text: str
    trials: int | None = None  # to come; None if a budget decides
    epochs: int = 0  # of a trial; 0 if nobody said
    budget: float | None = None  # gradient computations
    timeout: float | None = None  # seconds, from the search's beginning
    best: float | None = None  # of the trials that the study held before
    best_trial: int | None = None
    direction: str = "minimize"  # which values are better: minimize, those that are less


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """A trial ended: complete, pruned, diverged, failed, or put back into the queue."""

    kind = "finished"
    number: int
    state: str
    value: float | None = None  # the last finite mean over folds of the study's metric
    epoch: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""  # for which it failed


@dataclass(frozen=True, kw_only=True)
class RoundEnded(Event):
    """All lanes of a process trained for an epoch and were judged."""

    kind = "round"
    running: int  # trials
    lanes: int
    spent: float = 0.0  # gradient computations of this process in this search so far
    behind: int = 0  # epochs that the running ones have behind them, all together


@dataclass(frozen=True, kw_only=True)
class Stepped(Event):
    """Lanes took another training step; said at most twice a second."""

    kind = "step"
    trial: int  # of those in training the one with the lowest number
    epoch: int  # it is in, from 1
    step: int  # of the epoch, from 1
    steps: int  # that an epoch has


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """Something the user should know, in a sentence."""

    kind = "note"
    text: str


@dataclass(frozen=True, kw_only=True)
class Halved(Event):
    """The device ran out of memory: fewer lanes train at once, or in half the slots."""

    kind = "halved"
    lanes: int


@dataclass(frozen=True, kw_only=True)
class TimeSpent(Event):
    """A process of a search ends, and says where its time went."""

    kind = "timesheet"
    times: dict[str, float]  # fields of a Timesheet


@dataclass(frozen=True, kw_only=True)
class Confirming(Event):
    """An epoch of judging a trial again ended; epoch 0: it begins."""

    kind = "confirming"
    trial: int
    epoch: int
    epochs: int = 0  # in all; 0 if nobody said
    time: int = 0  # that it is judged again, from 1
    times: int = 0  # that it will be, if it stays ahead


@dataclass(frozen=True, kw_only=True)
class Retraining(Event):
    """An epoch of a retraining or a diagnosis ended; epoch 0: it begins."""

    kind = "retraining"
    epoch: int
    epochs: int = 0  # in all; 0 if nobody said
    doing: str = ""  # what is trained and why; empty: as said before
