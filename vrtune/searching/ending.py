"""What is kept of a trial that trained to its end, and what is said of it."""

from __future__ import annotations

import time
from typing import Any

from optuna.trial import TrialState

from vrtune.events import Finished
from vrtune.lanes.pool import Standing, finite
from vrtune.searching.questions import Entry


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
