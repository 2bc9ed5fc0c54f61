"""All trials of a study as a table: one row a trial, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from vrtune.studies.choice import Confirmed, confirmations
from vrtune.studies.outcome import is_number, number, value
from vrtune.studies.retrained import Retrained, Spread, retrained

Cells = dict[str, Any]
FORMULA = ("=", "+", "-", "@", "\t", "\n")  # what begins a formula in a spreadsheet


def trials_as_csv(study: optuna.Study) -> str:
    """A row for every trial, in order of number; a cell is empty where there is nothing to say."""
    again = {confirmed.trial: confirmed for confirmed in confirmations(study)}
    rows = [
        _row(trial, again.get(trial.number), retrained(study, trial.number))
        for trial in study.get_trials(deepcopy=False)
    ]
    names = _in_order(rows)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(map(_cell, names))
    table.writerows([_cell(row.get(name)) for name in names] for row in rows)
    return out.getvalue()


def _row(trial: FrozenTrial, confirmed: Confirmed | None, again: Retrained | None) -> Cells:
    """What is known of a trial, by the names of the columns."""
    took = trial.duration
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        **{f"params_{name}": given for name, given in sorted(trial.params.items())},
        "value": value(trial) if trial.state is not TrialState.RUNNING else None,
        "epochs": trial.last_step,
        **_by_fold(trial),
        "gradient_computations": number(trial, "gradient_computations"),
        "seconds": None if took is None else round(took.total_seconds(), 3),
        "confirmed": confirmed and confirmed.mean,
        "confirmed_repeats": confirmed and len(confirmed.losses),
        "confirmed_failed": confirmed and confirmed.failed,
        **(_tested(again) if again else {}),
    }


def _by_fold(trial: FrozenTrial) -> Cells:
    """What every fold said: the study's metric, then the loss, accuracy and others where kept."""
    kept = trial.user_attrs
    lists = {"value": kept.get("fold_values"), "loss": kept.get("fold_losses")}
    lists["accuracy"] = kept.get("fold_accuracies")
    metrics = kept.get("fold_metrics")
    lists |= metrics if isinstance(metrics, dict) else {}
    return {
        f"fold_{fold}_{name}": given if is_number(given) else None
        for name, values in lists.items()
        if isinstance(values, list)
        for fold, given in enumerate(values)
    }


def _tested(again: Retrained) -> Cells:
    """What the test set said."""
    found: dict[str, Spread | None] = {"accuracy": again.test_accuracy, "loss": again.test_loss}
    found |= getattr(again, "test_metrics", None) or {}
    cells: Cells = {"test_seeds": again.seeds, "test_failed": again.failed}
    for name, spread in found.items():
        if spread is not None:
            cells |= {f"test_{name}": spread.mean, f"test_{name}_std": spread.std}
    return cells


def _in_order(rows: Iterable[Cells]) -> list[str]:
    """The columns that any row has, each behind those that stand before it in a row."""
    names: list[str] = []
    for row in rows:
        at = 0
        for name in row:
            if name in names:
                at = names.index(name) + 1
            else:
                names.insert(at, name)
                at += 1
    return names


def _cell(given: Any) -> Any:
    """A cell's text or number. A spreadsheet takes some texts for formulas and would run them: an
    apostrophe before one makes it a text again."""
    if not isinstance(given, str):
        return given
    text = given.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(FORMULA) else text
