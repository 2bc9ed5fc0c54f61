"""A trial as comparisons see it: plain numbers, whoever made them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from vrtune.strategy.curves import fold_losses
from vrtune.studies.costs import costs
from vrtune.studies.outcome import number, value


@dataclass(frozen=True)
class Tried:
    """A trial of a study; `values` and `costs` are by epoch, from 1. A value is what the study is
    judged by: a loss, or another metric."""

    number: int
    state: str  # complete, pruned, diverged, failed, interrupted, running, queued
    params: Mapping[str, Any]
    ranges: Mapping[str, BaseDistribution]
    value: float | None  # the mean over folds at the end, of a complete trial
    metrics: Mapping[str, tuple[float, ...]]  # of each fold at the end: loss, accuracy, ...
    values: Mapping[int, tuple[float, ...]]  # of each fold; NaN where it diverged
    costs: Mapping[int, float]  # gradient computations by then, of all folds
    spent: float  # gradient computations in all
    seconds: float | None
    sampler: str | None  # which proposed its settings, where the study knows

    @property
    def folds(self) -> tuple[float, ...]:
        """The value of each fold at the last epoch; none if it never got there."""
        return self.values[max(self.values)] if self.values else ()

    @property
    def epochs(self) -> int:
        """Epochs that it was trained for, as far as they were judged."""
        return max(self.values, default=0)


def read_trial(trial: FrozenTrial, state: str, sampler: str | None) -> Tried:
    """What a trial says of itself; `state` as the study counts it."""
    values = {
        epoch: fold_losses(trial, epoch) or (mean,)
        for epoch, mean in sorted(trial.intermediate_values.items())
    }
    diverged = trial.user_attrs.get("diverged") is True
    spent = number(trial, "gradient_computations") or 0.0
    return Tried(
        number=trial.number,
        state="diverged" if diverged else state,
        params=trial.params,
        ranges=trial.distributions,
        value=value(trial) if state == "complete" else None,
        metrics=_metrics(trial),
        values=values,
        costs=costs(trial, list(values), spent),
        spent=spent,
        seconds=number(trial, "seconds"),
        sampler=sampler,
    )


def _metrics(trial: FrozenTrial) -> dict[str, tuple[float, ...]]:
    """What was recorded of the folds beside their values."""
    kept = trial.user_attrs
    more = kept.get("fold_metrics")
    given = {
        "loss": kept.get("fold_losses"),
        "accuracy": kept.get("fold_accuracies"),
        **(more if isinstance(more, dict) else {}),
    }
    return {str(name): folds for name, own in given.items() if (folds := _numbers(own))}


def _numbers(given: object) -> tuple[float, ...]:
    known = isinstance(given, list) and all(isinstance(v, float | int | None) for v in given)
    try:
        return tuple(math.nan if v is None else float(v) for v in given) if known else ()  # type: ignore[attr-defined]
    except OverflowError:  # whole numbers that no float can hold
        return ()
