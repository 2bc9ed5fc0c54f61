"""A study's trials as a table of pandas."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial

from vrtune.errors import VrtuneError
from vrtune.studies.counts import states
from vrtune.studies.outcome import number, value

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
    last = ("accuracy", "epochs", "gradient_computations", "seconds")
    names = ["number", "state", "value", *(name for row in rows for name in row)]
    columns = dict.fromkeys(name for name in names if name not in last)
    return pandas.DataFrame(rows, columns=[*columns, *last])


def _row(trial: FrozenTrial, state: str) -> dict[str, Any]:
    """Trials that were added by hand lack some of it."""
    row: dict[str, Any] = {
        "number": trial.number,
        "state": "diverged" if trial.user_attrs.get("diverged") is True else state,
        "value": value(trial),
    }
    row |= {f"params_{name}": given for name, given in trial.params.items()}
    row["accuracy"] = _mean(trial.user_attrs.get("fold_accuracies"))
    row["epochs"] = trial.last_step
    row["gradient_computations"] = number(trial, "gradient_computations")
    row["seconds"] = number(trial, "seconds")
    return row


def _mean(accuracies: object) -> float | None:
    """Over the folds; None if one of them diverged."""
    given = accuracies if isinstance(accuracies, list) else []
    whole = given and all(isinstance(accuracy, float) for accuracy in given)
    return fmean(given) if whole else None
