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
class Planned(Event):
    """The way to train was chosen."""

    kind = "plan"
    text: str


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """A trial ended: complete, pruned, diverged, or put back into the queue."""

    kind = "finished"
    number: int
    state: str
    value: float | None = None  # the last finite mean validation loss
    epoch: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RoundEnded(Event):
    """All lanes of a process trained for an epoch and were judged."""

    kind = "round"
    running: int  # trials
    lanes: int
    spent: float = 0.0  # gradient computations of this process in this search so far


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
    """The device ran out of memory: half the slots are left."""

    kind = "halved"
    lanes: int


@dataclass(frozen=True, kw_only=True)
class TimeSpent(Event):
    """A process of a search ends, and says where its time went."""

    kind = "timesheet"
    times: dict[str, float]  # fields of a Timesheet


@dataclass(frozen=True, kw_only=True)
class Confirming(Event):
    """An epoch of judging a trial again ended."""

    kind = "confirming"
    trial: int
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Retraining(Event):
    """An epoch of a retraining or a diagnosis ended."""

    kind = "retraining"
    epoch: int
