"""export(): a trial as JSON, YAML, TOML or Python; load_config() reads it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from vrtune.config import SCHEMA_VERSION, explain
from vrtune.errors import UsageError
from vrtune.exporting.formats import FORMATS, PARSERS
from vrtune.exporting.record import ExportedTrial, describe
from vrtune.spaces import load_file
from vrtune.studies.record import find_trial, load_study, read_record
from vrtune.studies.storage import DEFAULT_URL, open_storage
from vrtune.trial_config import ROLES


def export(
    study: str, *, trial: int | None = None, format: str = "json", storage: str = DEFAULT_URL
) -> str:
    """A complete trial (the best if `trial` is None) as text: json, yaml, toml or python.

    Raises UsageError or VrtuneError with one sentence.
    """
    if format not in FORMATS:
        raise UsageError(f"there is no format {format!r}: choose one of {', '.join(FORMATS)}")
    opened = load_study(open_storage(storage, create=False), study, storage)
    record = read_record(opened)
    return FORMATS[format](describe(opened, record, find_trial(opened, trial), storage))


def load_config(path: str | Path, units: str | Path | None = None) -> ExportedTrial:
    """Reads an exported .json, .yaml, .yml or .toml file back. UsageError if it is none.

    `units` is the Python file that defines units which are not vrtune's own; it may be left out
    where that file was imported before.
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
        return ExportedTrial.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path} is no exported trial: {explain(error)}{_missing(data)}") from None


def _missing(data: dict[str, Any]) -> str:
    """What to do where a unit is not known here, since it is not vrtune's own."""
    config, known = data.get("config"), {kind for role in ROLES for kind in role.enrolled}
    kinds = [u.get("kind") for u in config.values() if isinstance(u, dict)] if config else []
    homes = data.get("provenance", {}).get("units", {})
    for kind in kinds:
        if kind not in known and kind in homes:
            return f"; {kind} is {homes[kind]}: give its file, load_config(..., units=FILE)"
    return ""


def schema() -> dict[str, Any]:
    """The JSON Schema of what `export` writes, with every registered kind of unit."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **ExportedTrial.model_json_schema()}
