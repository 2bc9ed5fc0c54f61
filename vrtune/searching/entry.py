"""A trial that a process holds; what is kept of one that trained to its end, and said of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import TrialState

from vrtune.events import Finished
from vrtune.lanes.pool import Standing, finite
from vrtune.trial_config import TrialConfig


@dataclass
class Entry:
    """A trial that this process holds."""

    trial: optuna.Trial
    config: TrialConfig
    since: float = 0.0  # when it was seated
    epoch: int = 0
    last: float | None = None  # the last finite mean validation loss
    spent: float = 0.0  # gradient computations
    costs: list[float] = field(default_factory=list)  # the same after each epoch
    judged: list[Standing] = field(default_factory=list)  # after each epoch that was judged


def ending(
    entry: Entry, standing: Standing, state: TrialState, *, diverged: bool
) -> tuple[dict[str, Any], Finished]:
    """Attributes for the trial, and the event of its end."""
    seconds = time.monotonic() - entry.since
    kept: dict[str, Any] = {
        "fold_values": finite(standing.losses),
        "fold_accuracies": finite(standing.accuracies),
        "gradient_computations": standing.gradient_computations,
        "seconds": round(seconds, 3),
    }
    if diverged:
        kept["diverged"] = True
    event = Finished(
        number=entry.trial.number,
        state="diverged" if diverged else state.name.lower(),
        value=entry.last,
        epoch=standing.epoch,
        params=dict(entry.trial.params),
        seconds=seconds,
    )
    return kept, event
