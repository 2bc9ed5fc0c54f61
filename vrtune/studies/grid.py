"""A grid in a study's queue: each of its points once, whoever else searches the study."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from vrtune.storages.locks import locked
from vrtune.studies.leases import asked_for


def queue_grid(study: optuna.Study, points: Sequence[Mapping[str, Any]]) -> None:
    """Queues the points that no trial has, and those whose only trials failed."""
    with locked(study, "to queue a grid"):
        there = {
            as_key(asked_for(trial))
            for trial in study.get_trials(deepcopy=False)
            if trial.state is not TrialState.FAIL
        }
        for point in points:
            if (name := as_key(point)) not in there:
                study.enqueue_trial(dict(point))
                there.add(name)


def waiting(study: optuna.Study) -> int:
    """Trials in the queue."""
    return len(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))


def as_key(point: Mapping[str, Any]) -> Hashable:
    """The same for points that are the same: storages make lists of tuples and 1.0 of 1."""
    return frozenset((name, _as_key(value)) for name, value in point.items())


def _as_key(value: Any) -> Hashable:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "truth", value  # which equals 1
    if isinstance(value, float):
        return float(f"{value:.12g}") if value == value else "nan"
    if isinstance(value, list | tuple):
        return tuple(map(_as_key, value))
    return value if isinstance(value, int | str | None) else repr(value)
