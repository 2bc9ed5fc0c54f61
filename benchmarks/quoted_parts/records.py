"""The records that benchmarks left, and the values that `where` finds in them."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from scipy import stats

BUILT_IN = (abs, float, len, max, min, round, sorted, sum, zip)
KNOWN = (*BUILT_IN, mean, median, stdev, math.log, math.sqrt)
FUNCTIONS: dict[str, Callable[..., Any]] = {f.__name__: f for f in KNOWN}


class Records:
    """The JSON files of docs/, each read once; a path is one below that folder."""

    def __init__(self, docs: Path) -> None:
        self.docs = docs
        self.names: dict[str, dict[str, Any]] = {}

    def value(self, record: str, where: str) -> Any:
        """What the Python expression `where` is of the record, `r` in it."""
        if record not in self.names:
            r = json.loads((self.docs / record).read_text(encoding="utf-8")) if record else {}
            own = {"one": one, "low95": low95, "high95": high95}
            own |= {"r": r, "option": lambda name: option(r["command"], name)}
            self.names[record] = {"__builtins__": {}, **FUNCTIONS, **own}
        return eval(_compiled(where), self.names[record])


@cache
def _compiled(where: str) -> Any:
    return compile(where, where, "eval")


def one(rows: Iterable[Mapping[str, Any]], **labels: Any) -> Any:
    """The one row that has these labels."""
    found = [row for row in rows if all(row.get(k) == v for k, v in labels.items())]
    if len(found) != 1:
        raise LookupError(f"{len(found)} rows have {labels}")
    return found[0]


def low95(values: Iterable[float]) -> float:
    """The lower end of the 95 % interval of a mean, by Student's t."""
    found = list(values)
    return float(stats.t.interval(0.95, len(found) - 1, mean(found), stats.sem(found))[0])


def high95(values: Iterable[float]) -> float:
    return -low95(-value for value in values)


def option(command: str, name: str) -> list[float]:
    """The numbers after an option of the command that made the record."""
    words = shlex.split(command.split(";")[0])
    given: list[float] = []
    for word in words[words.index(name) + 1 :]:
        if not re.fullmatch(r"[-+.\de]+", word):
            break
        given.append(float(word))
    return given


def number(text: str) -> float:
    """What a number of a document is worth."""
    if "/" in text:
        above, below = text.split("/")
        return int(above) / int(below)
    if "^" in text:
        base, power = text.split("^")
        return float(base) ** int(power)
    return float(text.replace(",", ""))


def agrees(text: str, value: Any) -> bool:
    """Whether `value` rounds to `text`, to as many digits as stand there."""
    if isinstance(value, str):
        return text == value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    low, high = rounded(text)
    return low <= value <= high


@cache
def rounded(text: str) -> tuple[float, float]:
    """The smallest and the largest value that is written like that; none for 28x28."""
    if "x" in text:
        return math.inf, -math.inf
    mantissa, _, power = text.partition("e")
    decimals = len(mantissa.partition(".")[2])
    unit = 0.0 if set("/^") & set(text) else 10.0 ** (int(power or 0) - decimals)
    room = unit / 2 * (1 + 1e-9) + 1e-12 * abs(number(text))
    return number(text) - room, number(text) + room
