"""export(): a trial as JSON, YAML, TOML or Python; load_config() reads it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from vrtune.config import storage_url
from vrtune.errors import UsageError, explain
from vrtune.exporting.describe import describe
from vrtune.exporting.formats import FORMATS, PARSERS
from vrtune.exporting.record import SCHEMA_VERSION, ExportedTrial, foreign_units
from vrtune.spaces import load_file
from vrtune.studies.record import find_trial, foreign_kinds, load_study, read_record
from vrtune.studies.storage import DEFAULT_URL, open_storage


def export(
    study: str, *, trial: int | None = None, format: str = "json", storage: str | Path = DEFAULT_URL
) -> str:
    """Writes a trial as text: its settings, protocol, results, how it was found, and with what.

    Args:
        study: the study's name.
        trial: a complete trial's number; None: the best.
        format: json, yaml, toml, or python for a program that trains it.
        storage: URL of the storage that keeps the study.

    Returns:
        The text.

    Raises:
        UsageError: there is no such format, study or complete trial.
        VrtuneError: the storage can't be read.

    Example:
        >>> import json
        >>> from vrtune import export  # the study is that of search's example
        >>> json.loads(export("sgd-digits-softmax"))["config"]["optimizer"]["kind"]
        'sgd'
    """
    if format not in FORMATS:
        raise UsageError(f"there is no format {format!r}: choose one of {', '.join(FORMATS)}")
    storage = storage_url(storage)
    opened = load_study(open_storage(storage, create=False), study, storage)
    record = read_record(opened)
    return FORMATS[format](describe(opened, record, find_trial(opened, trial), storage))


def load_config(path: str | Path, units: str | Path | None = None) -> ExportedTrial:
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
    if path.suffix not in PARSERS:
        hint = "run it instead" if path.suffix == ".py" else f"give {', '.join(PARSERS)}"
        raise UsageError(f"{path} can't be read as an exported trial: {hint}")
    try:
        data = PARSERS[path.suffix](path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError(
            f"{path} is no {path.suffix[1:]}: {' '.join(str(error).split())}"
        ) from None
    if not isinstance(data, dict):
        raise UsageError(f"{path} holds no exported trial: export one with vrtune export")
    if data.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise UsageError(
            f"{path} has schema_version {data['schema_version']!r}, and this vrtune reads "
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
            return f"; {kind} is {homes[kind]}: give its file, load_config(..., units=FILE)"
    return ""


def _within(data: dict[str, Any], key: str) -> dict[str, Any]:
    """What lies under a key, if that is a dictionary."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def schema() -> dict[str, Any]:
    """The JSON Schema of what `export` writes, with every registered kind of unit."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **ExportedTrial.model_json_schema()}
