"""What is printed for people: aligned lines and tables without frames."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from vrtune.retraining import Spread

PIPED_WIDTH = 500  # a pipe has no width: a table takes what it needs


def console() -> Console:
    """Standard output, without markup, so that no name is taken for a style."""
    terminal = sys.stdout.isatty()
    return Console(
        width=None if terminal else PIPED_WIDTH,
        force_terminal=terminal,
        markup=False,
        highlight=False,
        emoji=False,
    )


def reserved(json: bool) -> AbstractContextManager[object]:
    """Standard output is left to the one JSON object, if there will be one: what a user's own code
    prints meanwhile goes to standard error."""
    return redirect_stdout(sys.stderr) if json else nullcontext()


def print_lines(lines: Iterable[tuple[str, str]]) -> None:
    """A label and its value a line; a value with an empty label goes on from the line above."""
    out = console()
    for label, value in lines:
        out.print(Text.assemble((f"{label:<24}", "bold"), value), soft_wrap=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns without frames."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell if isinstance(cell, str) else figure(cell)) for cell in row))
    out = console()
    with out.capture() as printed:
        out.print(table)
    for line in printed.get().splitlines():
        typer.echo(line.rstrip())


def figure(value: float | None) -> str:
    """A number as people read it."""
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.5g}"


def plus_minus(spread: Spread) -> str:
    """Mean and, of several, standard deviation over seeds."""
    if spread.mean is None or spread.std is None:
        return "diverged"
    return f"{spread.mean:.4f}" + f" +- {spread.std:.4f}" * (len(spread.values) > 1)


def settings(params: dict[str, Any]) -> str:
    """A trial's parameters on one line."""
    return ", ".join(
        f"{name}={figure(v) if isinstance(v, float) else v}" for name, v in params.items()
    )
