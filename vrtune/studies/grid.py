"""A grid in a study's queue: each of its points once, whoever else searches the study."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from vrtune.storages.locks import locked
from vrtune.studies.leases import asked_for


def queue_grid(
    study: optuna.Study,
    points: Sequence[Mapping[str, Any]],
    settings_at: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] | None = None,
) -> None:
    """Queues the points that no trial has, and those whose only trials failed.

    Where the space was edited, `settings_at` says what a point means by now: those whose trials
    had other settings are queued, too.
    """
    with locked(study, "to queue a grid"):
        there: dict[Hashable, list[Any]] = {}  # the settings of a point's trials, as far as known
        for trial in study.get_trials(deepcopy=False):
            if trial.state is not TrialState.FAIL:
                settings = trial.user_attrs.get("config")
                there.setdefault(as_key(asked_for(trial)), []).append(settings)
        for point in points:
            tried = there.setdefault(as_key(point), [])
            now = settings_at(point) if settings_at and any(tried) else None
            if not any(settings in (None, now) or now is None for settings in tried):
                study.enqueue_trial(dict(point))
                tried.append(None)


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
