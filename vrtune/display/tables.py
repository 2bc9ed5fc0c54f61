"""Tables as text: columns without frames, side by side as far as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

GAP = "  "

Part = Sequence[Sequence[str]]  # columns that stay together, each with its heading first


@dataclass(frozen=True)
class Block:
    """Lines of text under a heading."""

    heading: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(line for line in (self.heading, *self.lines) if line)


def blocks(first: Sequence[str], parts: Sequence[Part], width: int) -> list[Block]:
    """Tables of all parts: as many side by side as fit into a width, then again under the last with
    the first column before them. All columns have one heading and the same number of cells.

    A part that is too wide by itself is taken apart. A column that is too wide runs over; if it is
    the last, it breaks at blanks.
    """
    tables: list[list[Sequence[str]]] = []
    for part in parts:
        if _width([first, *part]) > width:
            pieces: Sequence[Part] = [[column] for column in part]
        else:
            pieces = [part]
        begun = len(tables)
        for columns in pieces:
            fits = tables and _width([*tables[-1], *columns]) <= width
            if fits and (len(pieces) == 1 or len(tables) > begun):
                tables[-1] += columns
            else:
                tables.append([first, *columns])
    return [_block(table, width) for table in tables]


def broken(text: str, width: int) -> list[str]:
    """Lines of at most so many columns, broken at blanks; a longer word has one of its own."""
    lines, line = list[str](), ""
    for word in text.split(" "):
        if line and cell_len(line) + 1 + cell_len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _block(columns: Sequence[Sequence[str]], width: int) -> Block:
    *lead, last = columns
    widths = [max(map(cell_len, column)) for column in lead]
    before = sum(widths) + len(GAP) * len(lead)
    room = max(width - before, *(cell_len(word) for cell in last for word in cell.split(" ")))
    lines = []
    for *cells, end in zip(*columns, strict=True):
        start = "".join(
            c + " " * (w - cell_len(c)) + GAP for c, w in zip(cells, widths, strict=True)
        )
        texts = broken(end, room)
        lines += [(start + texts[0]).rstrip(), *(" " * before + text for text in texts[1:])]
    return Block(lines[0], tuple(lines[1:]))


def _width(columns: Sequence[Sequence[str]]) -> int:
    return sum(max(map(cell_len, column)) for column in columns) + len(GAP) * (len(columns) - 1)
