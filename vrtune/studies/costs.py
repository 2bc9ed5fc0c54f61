"""What a trial had spent after each of its epochs, in gradient computations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import optuna
from optuna.trial import FrozenTrial

from vrtune.studies.outcome import is_number

COSTS = "costs"  # the system attribute of a trial: after each epoch, of all its folds
SPENT = "spent"  # that of one in training: an epoch, and what it had cost by then


def keep_costs(trial: optuna.Trial, spent: Sequence[float]) -> None:
    """Keeps with an open trial what it had spent after each epoch."""
    trial.storage.set_trial_system_attr(trial._trial_id, COSTS, list(spent))


def spent_by(trial: FrozenTrial) -> float | None:
    """What a trial in training had spent by its last report: what it told last, and at that rate
    since. None if it has told nothing."""
    told = trial.system_attrs.get(SPENT)
    if not isinstance(told, list) or len(told) != 2 or not all(map(is_number, told)) or told[0] < 1:
        return None
    return float(told[1] * max(1.0, (trial.last_step or 0) / told[0]))


def costs(trial: FrozenTrial, epochs: Sequence[int], spent: float) -> Mapping[int, float]:
    """By epoch; spread evenly over `epochs`, which were judged, where the trial does not say: those
    of older versions. Snapshots that are taken every few epochs are not seen in these."""
    kept = trial.system_attrs.get(COSTS)
    last = max(epochs, default=0)
    if _is_growing(kept) and len(kept) >= last and min(epochs, default=1) > 0:  # type: ignore[arg-type]
        return {epoch: float(kept[epoch - 1]) for epoch in epochs}  # type: ignore[index]
    return {epoch: spent * epoch / max(last, 1) for epoch in epochs}  # others count from 0


def _is_growing(kept: object) -> bool:
    if not isinstance(kept, list) or not all(map(is_number, kept)):
        return False
    return all(first <= second for first, second in pairwise(kept))
