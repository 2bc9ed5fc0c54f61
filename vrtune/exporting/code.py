"""Python text: what a study or a user named stays a literal or a comment in it, whatever it is."""

from __future__ import annotations

import json
import keyword
import math
import re
from enum import Enum
from typing import Any

from pydantic_core import to_jsonable_python

from vrtune.display.figures import safe

WIDTH = 88
LONGEST = 2000  # characters of a comment


def literal(value: Any) -> str:
    """An expression for a setting, of which pydantic makes the same setting again."""
    if isinstance(value, Enum):
        return literal(value.value)
    if isinstance(value, str):  # repr escapes what is not printed, line ends of any kind among it
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(str(value))
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal(k)}: {literal(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return literal(to_jsonable_python(value))


def comment(text: str) -> str:
    """One line that is a comment: nothing in it ends the line or names another encoding."""
    line = re.sub("coding(?=[:=])", "coding ", safe(text))  # Python heeds it on the first two lines
    return f"# {line}" if len(line) <= LONGEST else f"# {line[:LONGEST]}..."


def importable(name: str) -> bool:
    """Whether an import statement takes a name."""
    return name.isidentifier() and not keyword.iskeyword(name)


def call(name: str, arguments: dict[str, str], depth: int = 0) -> str:
    """name(key=value, ...), one argument a line if it is long; `depth` is its indentation."""
    pairs = [f"{key}={value}" for key, value in arguments.items()]
    line = f"{name}({', '.join(pairs)})"
    pad = "    " * depth
    if len(line) + len(pad) + len("estimator=,") <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"{pad}    {pair},\n" for pair in pairs) + f"{pad})"
