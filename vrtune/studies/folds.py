"""What a trial's folds say: kept with it in the study, for pruners and figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import optuna

from vrtune.errors import UsageError
from vrtune.strategy.curves import FOLDS
from vrtune.strategy.start import is_whole


def report_folds(trial: optuna.Trial, losses: Sequence[float], epoch: int) -> float:
    """Reports a trial's mean loss after an epoch, and keeps each fold's with it.

    Args:
        trial: an open trial.
        losses: validation loss of each fold, or what else the study minimises or maximises, in the
            same order every time.
        epoch: Optuna's step, counted from 1.

    Returns:
        The mean.

    Raises:
        UsageError: there are no losses, one is no number, or the epoch is no whole number.

    Example:
        >>> import optuna
        >>> from vrtune import FoldsPruner, report_folds
        >>> trial = optuna.create_study(pruner=FoldsPruner(epochs=20)).ask()
        >>> report_folds(trial, [0.3, 0.5], epoch=1)
        0.4
        >>> trial.should_prune()
        False
    """
    try:
        losses = [float(loss) for loss in losses]  # of an array or a tensor, too
    except (TypeError, ValueError, OverflowError):
        losses = []
    if not losses:
        raise UsageError(f"trial {trial.number} reports no losses: give a number for each fold")
    if not is_whole(epoch, 0):
        raise UsageError(f"trial {trial.number} reports epoch {epoch!r}: give a whole number")
    epoch, value = int(epoch), mean(losses)
    if isinstance(trial, optuna.Trial):  # a FixedTrial keeps nothing
        for name, kept in as_attributes(losses, epoch).items():
            trial.storage.set_trial_system_attr(trial._trial_id, name, kept)
    trial.report(value, step=epoch)
    return value


def as_attributes(losses: Sequence[float], epoch: int) -> dict[str, Any]:
    """The system attribute that keeps an epoch's values; JSON has no word but null for NaN."""
    return {f"{FOLDS}{epoch}": [loss if math.isfinite(loss) else None for loss in losses]}


def mean(losses: Sequence[float]) -> float:
    """The mean over folds; not finite where a fold's is not."""
    return sum(losses) / len(losses)
