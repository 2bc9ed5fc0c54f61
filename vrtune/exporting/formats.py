"""An exported trial as text: JSON, YAML, TOML, a program, or a configuration."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tomli_w
import yaml
from pydantic_core import to_json

from vrtune.errors import UsageError
from vrtune.exporting.configured import has_beside
from vrtune.exporting.method import refuse_own
from vrtune.exporting.program import program
from vrtune.exporting.record import ExportedTrial


def _data(exported: ExportedTrial) -> Any:
    """Plain data whose text is UTF-8: the half of a character, which files' names may hold, is
    written as its number."""
    return _in_utf8(exported.model_dump(mode="json"))


def _in_utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_in_utf8(k): _in_utf8(v) for k, v in value.items()}
    return [_in_utf8(v) for v in value] if isinstance(value, list) else value


def _to_json(exported: ExportedTrial) -> str:
    return to_json(_data(exported), indent=2, inf_nan_mode="null").decode() + "\n"


class _Yaml(yaml.SafeDumper):
    """Lists on one line; nothing is told by pointing at another place."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Yaml.add_representer(
    list,
    lambda dumper, items: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", items, flow_style=True
    ),
)


def _to_yaml(exported: ExportedTrial) -> str:
    return yaml.dump(_data(exported), Dumper=_Yaml, sort_keys=False, width=100)


def _to_hydra(exported: ExportedTrial) -> str:
    return _group(exported, "hydra")


def _to_lightning(exported: ExportedTrial) -> str:
    return _group(exported, "lightning")


def _group(exported: ExportedTrial, name: str) -> str:
    """A section as a configuration of its own."""
    section = _data(exported)[name]
    refuse_own(exported.config.optimizer)
    if not section and has_beside(exported.config):
        raise UsageError(
            f"{name} makes optimizer and scheduler, and trial {exported.provenance.trial} has a "
            "penalty on its weights, a mean of them or a table of gradients beside: export it as "
            "python"
        )
    if not section:
        raise UsageError(
            f"{name} takes dotted paths, and trial {exported.provenance.trial} is made of what has "
            "none, as a file of yours or a Library with another for the rest: export it as python"
        )
    return yaml.dump(section, Dumper=_Yaml, sort_keys=False, width=100)


def _to_toml(exported: ExportedTrial) -> str:
    return tomli_w.dumps(_without_null(_data(exported)))


def _without_null(value: Any, *, whole: bool = False) -> Any:
    """TOML has no null: keys are left out, but for DEFAULT's, which name parameters, and options of
    a class; those, and lists, say nan, which no setting may be."""
    if isinstance(value, dict):
        return {
            k: _without_null(v, whole=k in ("default", "options"))
            for k, v in value.items()
            if whole or v is not None
        }
    if isinstance(value, list):
        return [_without_null(v) for v in value]
    return math.nan if value is None else value


FORMATS: dict[str, Callable[[ExportedTrial], str]] = {
    "json": _to_json,
    "yaml": _to_yaml,
    "toml": _to_toml,
    "python": program,
    "hydra": _to_hydra,
    "lightning": _to_lightning,
}
