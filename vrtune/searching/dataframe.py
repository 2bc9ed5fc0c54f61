"""A study's trials as a table of pandas."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial

from vrtune.errors import VrtuneError
from vrtune.studies.counts import states
from vrtune.studies.outcome import (
    CONTINUED,
    INHERITED,
    fold_losses,
    fold_metrics,
    number,
    value,
)

if TYPE_CHECKING:
    import pandas


def dataframe(trials: Sequence[FrozenTrial]) -> pandas.DataFrame:
    """One row a trial, in the order of their numbers; a parameter's column begins with `params_`.
    VrtuneError without pandas."""
    try:
        import pandas
    except ImportError:
        raise VrtuneError("a table of trials needs pandas: pip install pandas") from None
    known = states(trials)
    rows = [_row(trial, known[trial.number]) for trial in trials]
    metrics = [_metrics(trial) for trial in trials]
    named = [name for found in metrics for name in found if name != "accuracy"]
    went_on = [name for name in (CONTINUED, INHERITED) if any(name in row for row in rows)]
    last = (
        *dict.fromkeys(named),
        "accuracy",
        "epochs",
        "gradient_computations",
        *went_on,
        "seconds",
    )
    names = ["number", "state", "value", *(name for row in rows for name in row)]
    columns = dict.fromkeys(name for name in names if name not in last)
    rows = [row | found for row, found in zip(rows, metrics, strict=True)]
    return pandas.DataFrame(rows, columns=[*columns, *last])


def _row(trial: FrozenTrial, state: str) -> dict[str, Any]:
    """Trials that were added by hand lack some of it."""
    row: dict[str, Any] = {
        "number": trial.number,
        "state": "diverged" if trial.user_attrs.get("diverged") is True else state,
        "value": value(trial),
    }
    row |= {f"params_{name}": given for name, given in trial.params.items()}
    row["epochs"] = trial.last_step
    row["gradient_computations"] = number(trial, "gradient_computations")
    for name in CONTINUED, INHERITED:
        if name in trial.user_attrs:
            row[name] = number(trial, name)
    row["seconds"] = number(trial, "seconds")
    return row


def _metrics(trial: FrozenTrial) -> dict[str, float | None]:
    """What was recorded beside the value, over the folds; None where one of them diverged."""
    found = fold_metrics(trial)
    if "fold_losses" in trial.user_attrs:
        found["loss"] = fold_losses(trial) or []
    return {name: _mean(folds) for name, folds in found.items()}


def _mean(folds: list[float | None]) -> float | None:
    known = [value for value in folds if value is not None]
    return fmean(known) if known and len(known) == len(folds) else None
