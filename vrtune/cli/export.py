"""vrtune export: prints a trial, or a table of all, or writes it to a file."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from vrtune.cli.completion import studies
from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, Storage, ToFile, Trial
from vrtune.errors import UsageError
from vrtune.given.files import write

EXPORTED = "# Trial "  # begins every exported program
SUFFIXES = {
    **{".json": "json", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml"},
    **{".py": "python", ".csv": "csv"},
}


def export(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY", help="A study's name (vrtune list studies).", autocompletion=studies
        ),
    ] = None,
    trial: Trial = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="json|yaml|toml|python|hydra|lightning|csv",
            help="What to write.",
            show_default="by FILE's suffix, or json",
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="A table of all trials, as CSV, in place of one trial.")
    ] = False,
    table: Annotated[bool, typer.Option("--csv", help="The same.")] = False,
    output: ToFile = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of all exports instead.")
    ] = False,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Export a trial's setting, with what came of it and where it came from; or all trials."""
    if study is None and not schema:
        raise UsageError("give the name of a STUDY, or --schema")
    if output is not None and not output.parent.is_dir():
        raise UsageError(f"there is no folder {output.parent} for {output.name}: make it first")
    by_suffix = SUFFIXES.get(output.suffix) if output else None
    if every or table:
        chosen = _table(format or by_suffix, "--all" if every else "--csv")
    else:
        chosen = format or by_suffix or "json"
    if chosen == "csv" and trial is not None:
        raise UsageError(f"a CSV is a table of all trials: leave --trial {trial} out")
    with faults(storage):
        from vrtune.exporting import export as exporting

        if study is None or schema:
            text = dumps(exporting.schema(), indent=2) + "\n"
        else:
            text = exporting.export(study, trial=trial, format=chosen, storage=storage)
    if output is None:
        typer.echo(text, nl=False)
        return
    if output.suffix == ".py" and output.is_file() and not _is_export(output):
        raise UsageError(f"{output} holds a program of yours: give another file with -o")
    write(output, text)


def _table(format: str | None, flag: str) -> str:
    """The format of all trials: CSV. UsageError where another was asked for."""
    if format not in (None, "csv"):
        raise UsageError(
            f"{flag} writes all trials as CSV, and {format} is of one: leave {flag} out, "
            "or give --format csv"
        )
    return "csv"


def _is_export(path: Path) -> bool:
    """Whether a program was written by this command; the first words of one never change."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(len(EXPORTED)) in (EXPORTED, "")
