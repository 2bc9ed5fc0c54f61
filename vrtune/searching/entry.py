"""A trial that a process holds; what is kept of one that trained to its end, and said of it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import TrialState

from vrtune.events import Finished
from vrtune.lanes.pool import Standing, finite
from vrtune.lanes.states import State
from vrtune.trial_config import TrialConfig


@dataclass
class Entry:
    """A trial that this process holds."""

    trial: optuna.Trial
    config: TrialConfig
    since: float = 0.0  # when it was seated
    epoch: int = 0
    last: float | None = None  # the last finite mean of what the study is judged by
    spent: float = 0.0  # gradient computations
    inherited: float = 0.0  # of them, those of a trial that was cut off, which it goes on from
    costs: list[float] = field(default_factory=list)  # the same after each epoch
    judged: list[Standing] = field(default_factory=list)  # after each epoch that was judged
    unreported: int = 0  # of these, the first ones: they are those of the other trial
    states: list[State] = field(default_factory=list)  # of its lanes, from which it goes on
    seconds: float = 0.0  # that this had taken
    written: int = 0  # the epoch of its last checkpoint


def judged(standing: Standing) -> list[float]:
    """What each fold is judged by; NaN where that or its loss is not finite: weights that diverged
    may well have some accuracy, and infinity may count as the best."""
    if standing.metric == "loss":
        return standing.losses
    pairs = zip(standing.values, standing.losses, strict=True)
    return [v if math.isfinite(v) and math.isfinite(loss) else math.nan for v, loss in pairs]


def ending(
    entry: Entry, standing: Standing, state: TrialState, *, diverged: bool
) -> tuple[dict[str, Any], Finished]:
    """Attributes for the trial, and the event of its end."""
    seconds = time.monotonic() - entry.since
    kept: dict[str, Any] = {"fold_values": finite(judged(standing))}
    if standing.metric != "loss":
        kept["fold_losses"] = finite(standing.losses)
    if standing.accuracies:
        kept["fold_accuracies"] = finite(standing.accuracies)
    others = {n: finite(folds) for n, folds in standing.metrics.items() if n != "accuracy"}
    if others:
        kept["fold_metrics"] = others
    kept["gradient_computations"] = standing.gradient_computations
    kept["seconds"] = round(seconds, 3)
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
