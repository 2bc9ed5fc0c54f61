"""vrtune show: what a study holds."""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING, Any

import typer

from vrtune.cli.faults import faults, public
from vrtune.cli.options import DEFAULT_STORAGE, Json, Storage, Study
from vrtune.cli.screen import plus_minus, print_lines, print_table, settings
from vrtune.config import Settings, Task

if TYPE_CHECKING:
    from vrtune.retraining import Retrained

BEST = 10  # trials shown


class Shown(Settings):
    """One of the best trials."""

    number: int
    value: float
    params: dict[str, Any]
    fold_values: list[float | None]
    gradient_computations: float
    seconds: float


def show(study: Study, storage: Storage = DEFAULT_STORAGE, json: Json = False) -> None:
    """Show a study: its task, its best trials, and what training them again gave."""
    with faults(storage):
        from vrtune.retraining import ATTRIBUTE, Retrained
        from vrtune.studies.record import count, load_study, ranked, read_record
        from vrtune.studies.storage import open_storage

        opened = load_study(open_storage(storage, create=False), study, storage)
        record, trials, best = (
            read_record(opened),
            opened.get_trials(deepcopy=False),
            ranked(opened),
        )
        kept = opened.user_attrs
    spent = sum(trial.user_attrs.get("gradient_computations", 0.0) for trial in trials)
    shown = [
        Shown(
            number=trial.number,
            value=trial.value,
            params=trial.params,
            **{k: trial.user_attrs[k] for k in ("fold_values", "gradient_computations", "seconds")},
        )
        for trial in best[:BEST]
        if trial.value is not None
    ]
    names = {trial.number: ATTRIBUTE.format(trial.number) for trial in best}
    again = [Retrained.model_validate(kept[name]) for name in names.values() if name in kept]
    if json:
        answer = {
            "study": study,
            "storage": public(storage),
            "space": record.space,
            "task": record.task.model_dump(mode="json"),
            "trials": count(trials).model_dump(),
            "gradient_computations": spent,
            "best": [trial.model_dump(mode="json") for trial in shown],
            "retrained": [result.model_dump(mode="json") for result in again],
        }
        typer.echo(dumps(answer))
        return
    print_lines(
        [
            ("study", f"{study} in {public(storage)}"),
            ("search space", record.space),
            ("task", _task(record.task)),
            ("trials", str(count(trials)) if trials else "none yet"),
            ("gradient computations", f"{spent:,.0f}"),
        ]
    )
    if shown:
        typer.echo()
        print_table(
            ("trial", "validation loss", "gradient computations", "parameters"),
            [
                (t.number, t.value, f"{t.gradient_computations:,.0f}", settings(t.params))
                for t in shown
            ],
        )
    if again:
        typer.echo()
        print_retrained(again)


def print_retrained(results: list[Retrained]) -> None:
    """A line for each trial that was trained again."""
    print_table(
        ("trial", "seeds", "test accuracy", "test loss", "weights and curves"),
        [
            (r.trial, r.seeds, plus_minus(r.test_accuracy), plus_minus(r.test_loss), r.folder)
            for r in results
        ],
    )


def _task(task: Task) -> str:
    return ", ".join(f"{k} {v}" for k, v in task.model_dump().items() if v is not None)
