"""What a trial's folds say: kept with it in the study, for pruners and figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import optuna

from vrtune.errors import UsageError
from vrtune.strategy.curves import FOLDS


def report_folds(trial: optuna.Trial, losses: Sequence[float], epoch: int) -> float:
    """Reports a trial's mean loss after an epoch, and keeps each fold's with it.

    Args:
        trial: an open trial.
        losses: validation loss of each fold, in the same order every time.
        epoch: Optuna's step, counted from 1.

    Returns:
        The mean.

    Raises:
        UsageError: there are no losses.

    Example:
        >>> import optuna
        >>> from vrtune import FoldsPruner, report_folds
        >>> trial = optuna.create_study(pruner=FoldsPruner(epochs=20)).ask()
        >>> report_folds(trial, [0.3, 0.5], epoch=1)
        0.4
        >>> trial.should_prune()
        False
    """
    if not losses:
        raise UsageError(f"trial {trial.number} reports no losses: give one of each fold")
    for name, kept in as_attributes(losses, epoch).items():
        trial.storage.set_trial_system_attr(trial._trial_id, name, kept)
    value = mean(losses)
    trial.report(value, step=epoch)
    return value


def as_attributes(losses: Sequence[float], epoch: int) -> dict[str, Any]:
    """The system attribute that keeps an epoch's losses; JSON has no word but null for NaN."""
    return {f"{FOLDS}{epoch}": [loss if math.isfinite(loss) else None for loss in losses]}


def mean(losses: Sequence[float]) -> float:
    """The mean over folds; not finite where a fold's is not."""
    return sum(losses) / len(losses)
