"""vrtune list: what there is to choose from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, Json, Storage
from vrtune.cli.screen import figure, print_json, print_table, safe

if TYPE_CHECKING:
    from vrtune.units import Unit

What = Literal["spaces", "studies", "models", "datasets", "methods"]
STUDIES = ("study", "state", "best", "space", "dataset", "model")  # columns for people
SPARE = {"studies": 3, "spaces": 1, "methods": 1}  # columns that need not lie side by side


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
        print_json({what: rows})
    elif rows:
        columns = STUDIES if what == "studies" else tuple(rows[0])
        cells = [[_cell(_told(row, column)) for column in columns] for row in rows]
        print_table(columns, cells, spare=SPARE.get(what, 0))
        if what == "datasets":
            from vrtune.data import WAYS

            typer.echo(f"or your own: {WAYS}")
    else:
        typer.echo(f"no {what} yet")


def _spaces(storage: str) -> list[dict[str, Any]]:
    from vrtune.spaces import first_line, names

    return [
        {"space": name, "what": first_line(path), "path": str(path)}
        for name, path in sorted(names().items())
    ]


def _studies(storage: str) -> list[dict[str, Any]]:
    from vrtune.storages.opening import open_to_read
    from vrtune.studies.glance import glance
    from vrtune.studies.record import all_studies

    seen = [glance(study) for study in all_studies(open_to_read(storage))]
    return [study.model_dump(exclude={"trials"}) | study.trials.model_dump() for study in seen]


def _models(storage: str) -> list[dict[str, Any]]:
    from vrtune.models import MODELS

    return [{"model": name, "what": model.summary} for name, model in sorted(MODELS.items())]


def _datasets(storage: str) -> list[dict[str, Any]]:
    from vrtune.data import DATASETS

    return [{"dataset": name, "what": load.summary} for name, load in sorted(DATASETS.items())]


def _methods(storage: str) -> list[dict[str, Any]]:
    from vrtune.averages import AVERAGES
    from vrtune.chains import CHAINS
    from vrtune.estimators import ESTIMATORS
    from vrtune.inits import INITS
    from vrtune.optimizers import OPTIMIZERS
    from vrtune.penalties import PENALTIES
    from vrtune.schedules import SCHEDULES

    return [
        {"part": part, "kind": kind, "what": _first_line(unit), "settings": _fields(unit)}
        for part, registry in (
            ("estimator", ESTIMATORS),
            ("optimizer", {**OPTIMIZERS, **CHAINS}),
            ("init", INITS),
            ("schedule", SCHEDULES),
            ("penalty", PENALTIES),
            ("average", AVERAGES),
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


def _told(row: dict[str, Any], column: str) -> Any:
    """What a column says; of a study that is not judged by its loss, by what it is."""
    value = row[column]
    if column == "best" and value is not None and row["metric"] not in (None, "loss"):
        return f"{figure(value)} {row['metric']}"
    return value


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(k if v is None else f"{k}={safe(v)}" for k, v in value.items())
    return figure(value)


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]
