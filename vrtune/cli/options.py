"""Options of the command line: made from the fields of models, and those that commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic import ValidationError

from vrtune.cli.completion import choices, studies
from vrtune.config import Settings
from vrtune.errors import UsageError, explain
from vrtune.given.arguments import Device as DeviceName
from vrtune.searching.settings import SearchSettings

Model = TypeVar("Model", bound=Settings)


def with_options(
    command: Callable[..., None], without: Collection[str] = ()
) -> Callable[..., None]:
    """The command with an option for every field of those of its parameters that are models, but
    for some that the command itself decides.

    A field says all there is to say: its name, type, default and description. What is given
    arrives as one model, which knows what that was (`model_fields_set`). UsageError names the
    options whose values the model refuses.
    """
    own = signature(command, eval_str=True).parameters
    models = {name: p.annotation for name, p in own.items() if _is_model(p.annotation)}
    fields = {
        name: [field for field in model.model_fields if field not in without]
        for name, model in models.items()
    }

    @wraps(command)
    def called(context: typer.Context | None = None, **given: Any) -> None:
        for name, model in models.items():
            options = {field: given.pop(field) for field in fields[name]}
            given[name] = read(model, {f: v for f, v in options.items() if _is_given(context, f)})
        command(**given)

    options = [Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for name, parameter in own.items():
        if name in models:
            options += [_parameter(models[name], field) for field in fields[name]]
        else:
            options.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))
    called.__signature__ = Signature(options)  # type: ignore[attr-defined]
    return called


def read(model: type[Model], given: dict[str, Any]) -> Model:
    """A model from options of the same names. UsageError names those that are refused."""
    try:
        return model(**given)
    except ValidationError as error:
        named = re.sub(r"(^|; )(\w+): ", lambda m: f"{m[1]}{_option(m[2])}: ", explain(error))
        raise UsageError(named) from None


def _is_given(context: typer.Context | None, name: str) -> bool:
    source = context.get_parameter_source(name) if context else None
    return source is None or source.name != "DEFAULT"


def option(model: type[Settings], name: str, panel: str | None = None) -> Any:
    """What the command line's help says about a field."""
    field = model.model_fields[name]
    return typer.Option(
        _option(name) + f"/--no-{name.replace('_', '-')}" * (field.annotation is bool),
        metavar=_named(field.title or "") or _metavar(field.annotation),
        help=_sentence(str(field.description)),
        rich_help_panel=panel,
        autocompletion=choices(name, field.annotation),
    )


def _parameter(model: type[Settings], name: str) -> Parameter:
    """A field as Typer's parameter: text, which the model reads, or a flag."""
    field = model.model_fields[name]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    panel = str(extra.get("panel") or model.model_config.get("title") or model.__name__)
    default, kind = field.default, bool if field.annotation is bool else str | None
    return Parameter(
        name,
        Parameter.KEYWORD_ONLY,
        default=default if default is None or kind is bool else str(default),
        annotation=Annotated[kind, option(model, name, panel)],
    )


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Settings)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." * (not text.endswith("."))


def _named(title: str) -> str:
    """SHARE for what stands for a value; words to be typed stay as they are."""
    return title if "|" in title else title.upper()


def _metavar(kind: Any) -> str:
    """auto|on|off for choices, <int> for a number, auto|<int> for either."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _metavar(parts[0])
    if origin is Literal:
        return "|".join(map(str, parts))
    if origin in (Union, UnionType):
        return "|".join(_metavar(part) for part in parts if part is not NoneType)
    return f"<{kind.__name__.lower()}>"


# ---- shared ------------------------------------------------------------------------------------

DEFAULT_STORAGE = SearchSettings().storage

Study = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="A study's name (vrtune list studies).", autocompletion=studies
    ),
]
Trial = Annotated[
    int | None,
    typer.Option(metavar="N", help="The trial with this number.", show_default="the best"),
]
Storage = Annotated[str, option(SearchSettings, "storage")]
Device = Annotated[DeviceName, option(SearchSettings, "device")]
DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where the data lie by now.", show_default="where the search found them"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Studies = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STUDY",
        help="Names of studies (vrtune list studies); none: all that vrtune made.",
        autocompletion=studies,
    ),
]
AnyTask = Annotated[
    bool,
    typer.Option("--any-task", help="Studies of different tasks or data too, with nothing paired."),
]
ToFile = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="File to write.", show_default="print it"),
]
