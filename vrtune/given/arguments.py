"""Arguments of functions: read as their annotations say, or refused in a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, wraps
from inspect import Parameter, signature
from numbers import Integral, Real
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import AfterValidator, BaseModel, PlainValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from vrtune.errors import UsageError, explain
from vrtune.given.names import path_fault

Call = TypeVar("Call", bound=Callable[..., Any])


def read_path(given: Any) -> Path:
    """A path, with ~ as the home folder. Raises what pydantic takes for a refusal."""
    if not isinstance(given, str | os.PathLike):
        raise PydanticCustomError("path", "give a path")
    path = os.path.expanduser(os.fsdecode(given))
    if fault := path_fault(path):
        raise PydanticCustomError("path", fault)
    return Path(path)


def _read_device(given: str) -> str:
    name, _, number = given.partition(":")
    known = given in ("auto", "cpu", "cuda", "mps")
    if not known and not (name == "cuda" and number.isascii() and number.isdigit()):
        raise PydanticCustomError("device", "choose auto, cpu, cuda, cuda:N or mps")
    return given


Device = Annotated[str, AfterValidator(_read_device)]
SomePath = Annotated[str | Path, PlainValidator(read_path)]  # arrives as a Path


def checked(function: Call) -> Call:
    """The function, called with what its annotations ask for. UsageError names what is not that."""
    own = signature(function)

    @cache
    def reader(name: str) -> TypeAdapter[Any]:
        hint: Any = get_type_hints(function, include_extras=True)[name]
        several = own.parameters[name].kind is Parameter.VAR_POSITIONAL
        return TypeAdapter(tuple[hint, ...] if several else hint)

    @wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        bound = own.bind(*args, **given)
        for name, value in bound.arguments.items():
            try:
                bound.arguments[name] = reader(name).validate_python(_plain(value), strict=True)
            except ValidationError as error:
                raise UsageError(f"{name}: {explain(error)}") from None
        return function(*bound.args, **bound.kwargs)

    return call  # type: ignore[return-value]


def takes(model: type[BaseModel]) -> Callable[[Call], Call]:
    """Shows the fields of `model` where a function takes them as **keywords: in help(), notebooks
    and whatever else asks for its signature."""

    def show(function: Call) -> Call:
        own, fields = signature(function), model.model_fields
        parameters = [p for p in own.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
        for name, field in fields.items():
            kind, default = Parameter.KEYWORD_ONLY, field.default
            parameters.append(Parameter(name, kind, default=default, annotation=field.annotation))
        function.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        told = [f"    {name}: {field.description}" for name, field in fields.items()]
        function.__doc__ = "\n".join([str(function.__doc__).rstrip(), "", *told, ""])
        return function

    return show


def _plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's, which strict reading asks for."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else value
