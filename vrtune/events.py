"""What a search tells whoever shows its progress, and how it is told to stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Stopped(Exception):
    """Raised between two steps to end the loop; open trials are put back."""


@dataclass(frozen=True)
class Event:
    """Something that happened: one trial's end, a round's, a choice that was made."""

    kind: str  # "plan", "finished", "round", "halved", "timesheet" or "retraining"
    number: int = -1
    state: str = ""
    value: float | None = None
    epoch: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    running: int = 0
    lanes: int = 0  # taken
    worker: int = 0
    text: str = ""  # of a plan
    times: dict[str, float] = field(default_factory=dict)  # of a timesheet
