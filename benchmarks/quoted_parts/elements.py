"""A record taken apart: its rows, and a Python expression for every value of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median, stdev
from typing import Any

DEEP, LONG = 4, 12  # how far values of a row are looked for
AGGREGATES = {"mean": mean, "median": median, "stdev": stdev, "min": min, "max": max}


@dataclass
class Element:
    """A row of a record, or all of it: an expression, the words that name it, and its values."""

    record: str
    where: str
    words: set[str]
    values: dict[str, float | str] = field(default_factory=dict)


def groups(record: str, data: Mapping[str, Any]) -> dict[str, list[Element]]:
    """The rows of a record, list by list; rows of lists that are alike are one group."""
    found: dict[str, list[Element]] = {
        "": [Element(record, "r", set(), dict(_values("", data, 0)))]
    }
    _walk(record, data, "r", "", set(), found)
    return found


def _walk(
    record: str, data: Any, where: str, path: str, words: set[str], found: dict[str, list[Element]]
) -> None:
    children: list[tuple[str, str, Any, set[str]]] = []
    if isinstance(data, Mapping):
        rows = len(data) > 1 and all(isinstance(v, Mapping) for v in data.values())
        for key, value in data.items():
            name = "*" if rows else key
            own = _words(key) if rows else set()
            children.append((f"{where}[{_quoted(key)}]", name, value, own))
    elif isinstance(data, Sequence) and data and all(isinstance(v, Mapping) for v in data):
        rows = True
        for value, selected in zip(data, _selected(data, where), strict=True):
            children.append((selected, "*", value, set()))
    else:
        return
    for expression, name, value, own in children:
        if not isinstance(value, Mapping | list):
            continue
        named = words | own
        if isinstance(value, Mapping) and name == "*":
            for text in value.values():
                if isinstance(text, str | int | float) and not isinstance(text, bool):
                    named |= _words(str(text)) if isinstance(text, str) else {f"{text:g}"}
            values = dict(_values("", value, 0))
            found.setdefault(f"{path}/*", []).append(Element(record, expression, named, values))
        _walk(record, value, expression, f"{path}/{name}", named, found)


def _selected(rows: Sequence[Mapping[str, Any]], where: str) -> list[str]:
    """An expression for each row: by the fewest labels that tell it from all others."""
    keys = [
        key
        for key in rows[0]
        if all(isinstance(row.get(key), str | int | float | None) for row in rows)
        and all(len(str(row.get(key))) < 30 for row in rows)
    ][:8]
    keys = [key for key in keys if key.isidentifier()]
    for count in range(1, len(keys) + 1):
        if not _unique(rows, keys[:count]):
            continue
        chosen = keys[:count]
        for key in keys[:count]:  # those that tell nothing apart
            if len(chosen) > 1 and _unique(rows, [k for k in chosen if k != key]):
                chosen.remove(key)
        said = [", ".join(f"{key}={_quoted(row.get(key))}" for key in chosen) for row in rows]
        return [f"one({where}, {each})" for each in said]
    return [f"{where}[{place}]" for place in range(len(rows))]


def _unique(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> bool:
    return len({tuple(row.get(key) for key in keys) for row in rows}) == len(rows)


def _values(where: str, data: Any, depth: int) -> Iterator[tuple[str, float | str]]:
    """Numbers and short texts of a row, and means and the like of its lists."""
    if isinstance(data, bool) or data is None or depth > DEEP:
        return
    if isinstance(data, int | float | str):
        yield "{}" + where, data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _values(f"{where}[{_quoted(key)}]", value, depth + 1)
    elif isinstance(data, list) and data and all(type(v) in (int, float) for v in data):
        for place in range(min(len(data), LONG)):
            yield f"{{}}{where}[{place}]", data[place]
        yield f"{{}}{where}[-1]", data[-1]
        if len(data) > 1:
            for name, function in AGGREGATES.items():
                yield f"{name}({{}}{where})", function(data)


def _quoted(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _words(text: str) -> set[str]:
    return set(text.lower().replace("_", " ").replace("-", " ").replace(",", " ").split())
