"""What trials say of themselves, whoever made them: nothing is taken for well-formed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeGuard

from optuna.trial import FrozenTrial

# user attributes of a trial that goes on from a checkpoint: its epoch, and what that had cost
CONTINUED, INHERITED = "continued", "inherited"


def is_foreign(trial: FrozenTrial) -> bool:
    """Whether vrtune did not run a trial: it was added by hand, or by another program."""
    return not isinstance(trial.user_attrs.get("config"), dict)


def value(trial: FrozenTrial) -> float | None:
    """What a trial of one objective came to."""
    given = next(iter(trial.values or ()), None)
    return given if is_number(given) else None


def number(trial: FrozenTrial, name: str) -> float | None:
    """A number that a trial says of itself."""
    given = trial.user_attrs.get(name)
    return given if is_number(given) else None


def kept_epochs(trial: FrozenTrial) -> int | None:
    """The epochs that early stopping kept of a trial; None without it."""
    given = trial.user_attrs.get("kept_epochs")
    return given if isinstance(given, int) and not isinstance(given, bool) and given > 0 else None


def fold_values(trial: FrozenTrial) -> list[float | None] | None:
    """What the folds said of a trial, by the study's metric; None for one that diverged."""
    return _read(trial.user_attrs.get("fold_values"))


def fold_losses(trial: FrozenTrial) -> list[float | None] | None:
    """The validation losses of a trial's folds, whatever the study is judged by."""
    kept = trial.user_attrs
    return _read(kept["fold_losses"] if "fold_losses" in kept else kept.get("fold_values"))


def fold_metrics(trial: FrozenTrial) -> dict[str, list[float | None]]:
    """All metrics that were recorded beside the losses of a trial's folds."""
    more = trial.user_attrs.get("fold_metrics")
    kept = {"accuracy": trial.user_attrs.get("fold_accuracies")}
    kept |= more if isinstance(more, dict) else {}
    found = {str(name): _read(values) for name, values in kept.items()}
    return {name: values for name, values in found.items() if values}


def spent(trials: Iterable[FrozenTrial]) -> float:
    """Gradient computations of all trials that ended, those that were cut off among them. What one
    has taken over from another is counted once."""
    return sum(own_cost(trial) for trial in trials)


def own_cost(trial: FrozenTrial) -> float:
    """Gradient computations that a trial made itself: a continued one's curve begins with those of
    another."""
    made = number(trial, "gradient_computations") or 0.0
    return made - min(made, max(0.0, number(trial, INHERITED) or 0.0))


def is_number(given: object) -> TypeGuard[float]:
    """Whether something that a study holds is a finite number."""
    if not isinstance(given, int | float) or isinstance(given, bool):
        return False
    try:
        return math.isfinite(given)
    except OverflowError:  # a whole number that no float can hold
        return False


def _read(given: object) -> list[float | None] | None:
    """A value a fold; None if something else is kept there."""
    if not isinstance(given, list) or not all(v is None or is_number(v) for v in given):
        return None
    return given
