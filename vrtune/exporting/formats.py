"""An exported trial as text, and back: JSON, YAML, TOML."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable
from typing import Any

import tomli_w
import yaml

from vrtune.exporting.program import program
from vrtune.exporting.record import ExportedTrial


def _to_json(exported: ExportedTrial) -> str:
    return exported.model_dump_json(indent=2) + "\n"


class _Yaml(yaml.SafeDumper):
    """Lists on one line."""


_Yaml.add_representer(
    list,
    lambda dumper, items: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", items, flow_style=True
    ),
)


def _to_yaml(exported: ExportedTrial) -> str:
    return yaml.dump(exported.model_dump(mode="json"), Dumper=_Yaml, sort_keys=False, width=100)


def _to_toml(exported: ExportedTrial) -> str:
    return tomli_w.dumps(_without_null(exported.model_dump(mode="json")))


def _without_null(value: Any, *, whole: bool = False) -> Any:
    """TOML has no null: keys are left out, but for DEFAULT's, which name parameters; those, and
    lists, say nan, which no setting may be."""
    if isinstance(value, dict):
        return {
            k: _without_null(v, whole=k == "default")
            for k, v in value.items()
            if whole or v is not None
        }
    if isinstance(value, list):
        return [_without_null(v) for v in value]
    return math.nan if value is None else value


def _with_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _with_null(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_with_null(v) for v in value]
    return None if value != value else value


FORMATS: dict[str, Callable[[ExportedTrial], str]] = {
    "json": _to_json,
    "yaml": _to_yaml,
    "toml": _to_toml,
    "python": program,
}

PARSERS: dict[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".toml": lambda text: _with_null(tomllib.loads(text)),
}
