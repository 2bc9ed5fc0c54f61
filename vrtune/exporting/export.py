"""export(): a trial as a document or a program, all trials as a table; load_config() reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vrtune.config import Storage
from vrtune.errors import UsageError, brief, explain, shown
from vrtune.exporting.describe import describe
from vrtune.exporting.formats import FORMATS
from vrtune.exporting.reading import read_data
from vrtune.exporting.record import SCHEMA_VERSION, ExportedTrial, foreign_units
from vrtune.exporting.trials import trials_as_csv
from vrtune.given.arguments import SomePath, checked
from vrtune.own.files import load_file
from vrtune.storages.opening import DEFAULT_URL, open_to_read
from vrtune.studies.configs import foreign_kinds
from vrtune.studies.record import find_trial, load_study, read_record

TABLE = "csv"  # of all trials; the other formats are of one


@checked
def export(
    study: str, *, trial: int | None = None, format: str = "json", storage: Storage = DEFAULT_URL
) -> str:
    """Writes a trial as text: its settings, protocol, results, how it was found, and with what.

    Args:
        study: the study's name.
        trial: a complete trial's number; None: the best.
        format: json, yaml, toml; python for a program in plain PyTorch that trains it; hydra or
            lightning for its optimizer and scheduler alone; csv for a table of all trials.
        storage: URL of the storage that keeps the study.

    Returns:
        The text.

    Raises:
        UsageError: there is no such format, study or complete trial; or a trial is given with csv.
        VrtuneError: the storage can't be read.

    Example:
        >>> import json
        >>> from vrtune import export  # the study is that of search's example
        >>> json.loads(export("sgd-digits-softmax"))["config"]["optimizer"]["kind"]
        'sgd'
    """
    if format not in (*FORMATS, TABLE):
        known = ", ".join([*FORMATS, TABLE])
        raise UsageError(f"there is no format {shown(format)}: choose one of {known}")
    if format == TABLE and trial is not None:
        raise UsageError(f"{TABLE} is a table of all trials: leave trial {trial} out")
    storage = str(storage)
    opened = load_study(open_to_read(storage), study, storage)
    read_record(opened)  # or another program made it, and has no trial of ours
    if format == TABLE:
        return trials_as_csv(opened)
    return FORMATS[format](describe(opened, find_trial(opened, trial), storage))


@checked
def load_config(path: SomePath, units: SomePath | None = None) -> ExportedTrial:
    """Reads an exported trial back.

    Args:
        path: a .json, .yaml, .yml or .toml file that `export` wrote.
        units: the Python file that defines units which are not vrtune's own; may be left out
            where that file was imported before.

    Returns:
        The trial: `config`, `protocol` (its task), `results`, how it was found (`search`), `data`,
        `architecture` and `provenance`. What an older vrtune did not write is None.

    Raises:
        UsageError: the file can't be read, is no exported trial, or names unknown units.

    Example:
        >>> from pathlib import Path
        >>> from vrtune import export, load_config  # the study is that of search's example
        >>> _ = Path("best.toml").write_text(export("sgd-digits-softmax", format="toml"))
        >>> load_config("best.toml").protocol.model
        'softmax'
    """
    path = Path(path)
    if units is not None:
        load_file(Path(units))
    data = read_data(path)
    if data.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise UsageError(
            f"{path} has schema_version {shown(data['schema_version'])}, and this vrtune reads "
            f"{SCHEMA_VERSION}: export the trial again"
        )
    try:
        exported = ExportedTrial.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path} is no exported trial: {explain(error)}{_mend(data)}") from None
    for kind, home in exported.provenance.units.items():
        if foreign_units(exported.config).get(kind) != home:
            raise UsageError(f"{path} is of another {kind}{_mend(data)}")
    return exported


def _mend(data: dict[str, Any]) -> str:
    """What to do where a unit is not known here, since it is not vrtune's own."""
    homes = _within(_within(data, "provenance"), "units")
    for kind in sorted(foreign_kinds(data.get("config"))):
        if kind in homes:
            home = brief(str(homes[kind]))
            return f"; {brief(kind)} is {home}: give its file, load_config(..., units=FILE)"
    return ""


def _within(data: dict[str, Any], key: str) -> dict[str, Any]:
    """What lies under a key, if that is a dictionary."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def schema() -> dict[str, Any]:
    """The JSON Schema of what `export` writes, with every registered kind of unit."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **ExportedTrial.model_json_schema()}
