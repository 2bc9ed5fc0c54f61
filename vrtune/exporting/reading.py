"""A configuration file as plain data: JSON, YAML or TOML in whatever encoding a shell gave it."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from vrtune.errors import UsageError, brief

MOST_BYTES = 10_000_000  # exports have some thousands


def read_data(path: Path) -> dict[str, Any]:
    """What a file holds. UsageError if it can't be read, or is no file of its kind."""
    parse = PARSERS.get(path.suffix.lower())
    if parse is None:
        hint = "run it instead" if path.suffix == ".py" else f"give {', '.join(PARSERS)}"
        raise UsageError(f"{path} can't be read as an exported trial: {hint}")
    text = _text(path)
    try:
        data = parse(text)
    except RecursionError:
        raise UsageError(f"{path} is no exported trial: it is nested too deeply") from None
    except Exception as error:  # parsers raise whatever a value's own constructor does
        raise UsageError(f"{path} is no {path.suffix[1:].lower()}: {brief(str(error))}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path} holds no exported trial: export one with vrtune export")
    return data


def _text(path: Path) -> str:
    """A file's text; PowerShell writes UTF-16, editors put a mark before UTF-8."""
    try:
        if os.path.isdir(path):
            raise UsageError(f"{path} is a folder: give a file in it")
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe would wait for ever
            raise UsageError(f"{path} is no ordinary file: give one that vrtune export wrote")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise UsageError(f"{path} is no exported trial: it has more than {MOST_BYTES:,} bytes")
    try:
        return data.decode(json.detect_encoding(data)).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} can't be read: byte {error.start} is no {error.encoding}, save it as UTF-8"
        ) from None


# ---- parsers -------------------------------------------------------------------------------------


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number in JSON")


def _once(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dictionary, unless a key is there twice."""
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} is there twice")
        found[key] = value
    return found


class _Loader(yaml.SafeLoader):
    """YAML as it is exported: keys are words, each once, times are text, and nothing is repeated by
    an alias, of which a short file can make more than any memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases (*name) are not read: write what they stand for")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        return _once(
            [
                (str(self.construct_object(key, deep=True)), self.construct_object(value, deep))
                for key, value in node.value
            ]
        )


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _yaml(text: str) -> Any:
    return yaml.load(text, _Loader)


def _toml(text: str) -> Any:
    return _with_null(tomllib.loads(text))


def _with_null(value: Any) -> Any:
    """TOML has no null: nan stands for it."""
    if isinstance(value, dict):
        return {k: _with_null(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_with_null(v) for v in value]
    return None if value != value else value


PARSERS: dict[str, Callable[[str], Any]] = {
    ".json": _json,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".toml": _toml,
}
