"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError

from vrtune.config import Task, explain
from vrtune.errors import UsageError

DEFAULT_STORAGE = "sqlite:///studies.db"  # as vrtune.studies.storage, which needs Optuna

Study = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study's name (vrtune list studies).")
]
Storage = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Where studies are kept: sqlite:///FILE, postgresql://USER@HOST/NAME, FILE.log ...",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where data sets lie.", show_default="where the search found them"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option(metavar="auto|cpu|cuda", help="Where to train; auto: CUDA where there is one."),
]


def make_task(**given: Any) -> Task:
    """A Task from options of the same names. UsageError names the options that are refused."""
    try:
        return Task(**given)
    except ValidationError as error:
        raise UsageError(
            re.sub(
                r"(^|; )(\w+): ",
                lambda m: f"{m[1]}--{m[2].replace('_', '-')}: ",
                explain(error),
            )
        ) from None


def count_or_auto(option: str, value: str) -> int | Literal["auto"]:
    """A whole number, or auto. UsageError for anything else."""
    if value == "auto":
        return "auto"
    if not value.isascii() or not value.isdigit():
        raise UsageError(f"{option}: give a whole number or auto (got {value!r})")
    return int(value)
