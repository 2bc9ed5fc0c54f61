"""What Library takes: a class's name, and options that JSON gives back as they were."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from vrtune.given.names import path_fault, text_fault
from vrtune.own.objects import absolute, is_object


def _name(given: str) -> str:
    """A class's full name; the path of a file in full."""
    if fault := path_fault(given):
        raise PydanticCustomError("path", fault)
    parts = given.split(".")
    if not is_object(given) and not (len(parts) > 1 and all(map(str.isidentifier, parts))):
        raise PydanticCustomError(
            "no_class", "give a class's full name, such as torch.optim.NAdam, or FILE.py:NAME"
        )
    return absolute(given)


def _plain(given: Any) -> Any:
    """A value as JSON gives it back, lists as tuples."""
    if getattr(given, "ndim", None) == 0 and hasattr(given, "item"):  # NumPy's, or a tensor
        given = given.item()
    if isinstance(given, Mapping):
        return {_plain_key(key): _plain(value) for key, value in given.items()}
    if isinstance(given, list | tuple):
        return tuple(map(_plain, given))
    if given is None or isinstance(given, bool):
        return given
    if isinstance(given, str) and not text_fault(given):
        return str(given)
    if isinstance(given, Integral):
        return int(given)
    if isinstance(given, Real) and math.isfinite(given):
        return float(given)
    raise PydanticCustomError(
        "no_option", "an option is a finite number, a word, true or false, or a tuple of such"
    )


def _plain_key(key: Any) -> str:
    if not isinstance(key, str):
        raise PydanticCustomError("no_option", "options have names")
    return key


ClassName = Annotated[str, AfterValidator(_name)]
Options = Annotated[
    dict[str, Any],
    BeforeValidator(_plain),
    WithJsonSchema({"type": "object", "default": {}, "title": "Options"}),
]
RestSchema = WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "null"}], "default": None})
