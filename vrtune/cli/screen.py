"""What is printed: aligned lines and tables without frames for people, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from vrtune.display.commands import command
from vrtune.display.figures import figure, plus_minus, safe, settings
from vrtune.display.tables import Block

__all__ = ["command", "figure", "plus_minus", "safe", "settings"]

LABEL = 24  # columns
COPIED = ("next", "")  # labels of commands
NARROW = 24  # columns that the last one of a table gets at least, or goes on a line of its own
GAP = "  "
READABLE = 100  # columns where there is no terminal


def console() -> Console:
    """Standard output, without markup, so that no name is taken for a style."""
    terminal = _is_terminal()
    return Console(force_terminal=terminal, markup=False, highlight=False, emoji=False)


def reserved(json: bool) -> AbstractContextManager[object]:
    """Standard output is left to the one JSON object, if there will be one: what a user's own code
    prints meanwhile goes to standard error."""
    return redirect_stdout(sys.stderr) if json else nullcontext()


def print_json(answer: dict[str, Any]) -> None:
    """One JSON object on a line."""
    typer.echo(as_json(answer))


def as_json(answer: dict[str, Any]) -> str:
    """A JSON object; what is no finite number is null, as JSON has no other."""
    return json.dumps(_finite(answer))


def print_blocks(made: Callable[[int], Sequence[Block]]) -> None:
    """Blocks of lines, made for the width of the terminal; of READABLE columns elsewhere."""
    out = console()
    for i, block in enumerate(made(out.width if _is_terminal() else READABLE)):
        lines = [Text(block.heading, "bold")] if block.heading else []
        lines += [Text(line) for line in block.lines]
        for line in [Text(), *lines] if i else lines:
            out.print(line, soft_wrap=True)


def print_lines(lines: Iterable[tuple[str, str]]) -> None:
    """A label and its value; a value with an empty label goes on from the line above. On a terminal
    long sentences break at blanks; commands, and words that are too long, run over its edge."""
    out = console()
    room = out.width - LABEL if _is_terminal() else sys.maxsize
    for label, value in lines:
        text, whole = safe(value), label in COPIED
        whole = whole or max(map(cell_len, text.split(" "))) > room
        first, *more = [text] if whole else _broken(text, room)
        out.print(Text.assemble((f"{label:<{LABEL}}", "bold"), first), soft_wrap=True)
        for line in more:
            out.print(Text(" " * LABEL + line), soft_wrap=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, spare: int = 0) -> None:
    """Columns without frames. Names and numbers stay whole, whatever the width of the terminal.

    Where there is no room for all, the last `spare` columns go one by one to a line of their own
    beneath each row. Then the last one breaks at blanks; if that doesn't do, lines run over.
    """
    cells = [list(columns), *([figure(cell) for cell in row] for row in rows)]
    table = list(zip(*cells, strict=True))  # column by column
    widths = [max(map(cell_len, column)) for column in table]
    out, last = console(), len(columns) - 1
    room = out.width if _is_terminal() else sys.maxsize
    while (lead := _lead(widths[:last])) + _least(table[last]) > room and spare:
        last, spare = last - 1, spare - 1
    fits = lead + _least(table[last]) <= room
    for row in cells:
        first = "".join(
            _padded(cell, width) for cell, width in zip(row[:last], widths, strict=False)
        )
        texts = _broken(row[last], room - lead) if fits else [row[last]]
        lines = [first + texts[0], *(" " * lead + text for text in texts[1:])]
        if row is not cells[0]:
            named = zip(columns[last + 1 :], row[last + 1 :], strict=True)
            beneath = [f"{GAP}{name} {cell}" for name, cell in named if cell not in ("", "-")]
            together = "".join(beneath)
            lines += [together] if 0 < cell_len(together) <= room else beneath
        for line in lines:
            out.print(Text(line.rstrip(), "" if row is not cells[0] else "bold"), soft_wrap=True)


def _lead(widths: Sequence[int]) -> int:
    """Of all columns before the last."""
    return sum(widths) + len(GAP) * len(widths)


def _least(column: Sequence[str]) -> int:
    """What the last column needs: room for its longest word, and for some that are short."""
    words = [cell_len(word) for cell in column for word in cell.split(" ")]
    return max(*words, min(NARROW, max(map(cell_len, column))))


def _padded(cell: str, width: int) -> str:
    """With blanks behind it; a Chinese character is two columns wide, an accent may be none."""
    return cell + " " * (width - cell_len(cell)) + GAP


def _broken(text: str, width: int) -> list[str]:
    """Lines of at most so many columns, broken at blanks."""
    lines = Text(text).wrap(console(), width)
    return [line.plain.rstrip() for line in lines] or [""]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()
