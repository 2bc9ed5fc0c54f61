"""vrtune list: what there is to choose from."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, Json, Storage
from vrtune.cli.screen import print_table

if TYPE_CHECKING:
    import optuna

    from vrtune.units import Unit

What = Literal["spaces", "studies", "models", "datasets", "methods"]


def list_(
    what: Annotated[
        What,
        typer.Argument(metavar="WHAT", help="spaces, studies, models, datasets or methods."),
    ],
    storage: Storage = DEFAULT_STORAGE,
    json: Json = False,
) -> None:
    """List search spaces, studies, models, data sets, or methods and their settings."""
    with faults(storage):
        rows = LISTS[what](storage)
    if json:
        typer.echo(dumps({what: rows}))
    elif rows:
        print_table(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows])
    else:
        typer.echo(f"no {what} yet")


def _spaces(storage: str) -> list[dict[str, Any]]:
    from vrtune import spaces

    return [
        {"space": name, "what": _first_line_of(path), "path": str(path)}
        for name, path in sorted(spaces.names().items())
    ]


def _studies(storage: str) -> list[dict[str, Any]]:
    from vrtune.studies.record import all_studies
    from vrtune.studies.storage import open_storage

    return [_study(study) for study in all_studies(open_storage(storage, create=False))]


def _study(study: optuna.Study) -> dict[str, Any]:
    """A row; what only vrtune's own studies remember is None in others."""
    from vrtune.errors import UsageError
    from vrtune.studies.record import best_value, count, read_record

    try:
        record = read_record(study)
    except UsageError:
        record = None
    return {
        "study": study.study_name,
        "space": record and record.space,
        "dataset": record and record.task.dataset,
        "model": record and record.task.model,
        **count(study.get_trials(deepcopy=False)).model_dump(),
        "best": best_value(study),
    }


def _models(storage: str) -> list[dict[str, Any]]:
    from vrtune.models import MODELS

    return [{"model": name, "what": _first_line(made)} for name, made in sorted(MODELS.items())]


def _datasets(storage: str) -> list[dict[str, Any]]:
    from vrtune.data import DATASETS

    return [{"dataset": name, "what": _first_line(load)} for name, load in sorted(DATASETS.items())]


def _methods(storage: str) -> list[dict[str, Any]]:
    from vrtune.estimators import ESTIMATORS
    from vrtune.inits import INITS
    from vrtune.optimizers import OPTIMIZERS
    from vrtune.schedules import SCHEDULES

    return [
        {"part": part, "kind": kind, "what": _first_line(unit), "settings": _fields(unit)}
        for part, registry in (
            ("estimator", ESTIMATORS),
            ("optimizer", OPTIMIZERS),
            ("init", INITS),
            ("schedule", SCHEDULES),
        )
        for kind, unit in registry.items()
    ]


LISTS: dict[What, Callable[[str], list[dict[str, Any]]]] = {
    "spaces": _spaces,
    "studies": _studies,
    "models": _models,
    "datasets": _datasets,
    "methods": _methods,
}


def _fields(unit: type[Unit]) -> dict[str, Any]:
    """A unit's settings and their defaults."""
    return {name: field.default for name, field in unit.model_fields.items() if name != "kind"}


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(k if v is None else f"{k}={v}" for k, v in value.items())
    return value


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _first_line_of(path: Path) -> str:
    """The first line of a module's docstring; the module is not run."""
    try:
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    except (OSError, SyntaxError, ValueError) as error:
        return f"can't be read: {error}"
    return (said or "").partition("\n")[0]
