"""The table of methods on the page: what each reached, at what cost, with which setting."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from vrtune.comparing import columns
from vrtune.comparing.columns import NOTHING, Column
from vrtune.comparing.compare import Comparison
from vrtune.comparing.pairs import pairs, parts
from vrtune.figures.style import look
from vrtune.reporting.markup import scrolled, text

DASHES = {"solid": "", "dash": "8 4", "dot": "2 3", "dashdot": "8 3 2 3"}  # as SVG writes them
WORDS = ("setting", "study", "trials")  # columns of words, which break
SHORT, LONG = 20, 28  # characters of a name: of one on a line everywhere; of one that breaks
SPREAD = "± is the standard deviation over folds, or over seeds on test and training data"
STRONG = "bold is the best, and what can't be told from it"
REACHED, SPENT = "What each method reached", "With which setting, and at what cost"


def method_tables(found: Comparison) -> str:
    """What the methods reached, and what that cost: two tables, a row a method in each. Strong is
    the best, and what can't be told from it, where it can be told from any."""
    rows = found.rows
    reached = [*columns.results(rows, sign="±"), *columns.budgets(rows)]
    spent = [*columns.chosen(rows), *columns.costs(rows)]
    strong: dict[str | None, set[str | None]] = {
        v.kind: {v.best, *v.level} for v in found.verdicts if v.worse
    }
    keys = [_key(place) for place in range(len(rows))]
    tables = []
    for title, known in ((REACHED, reached), (SPENT, spent)):
        shown = [column for part in known for column in part if not column.is_empty]
        bold = {
            (column.heading, place)
            for column in shown
            for place, row in enumerate(rows)
            if row.method in strong.get(column.kind, set())
            and (column.judges is None or place in column.judges)
        }
        tables.append(_table(columns.methods(rows), shown, title, keys=keys, bold=bold))
        told = [SPREAD] if any("±" in cell for column in shown for cell in column.cells) else []
        told += [STRONG] if bold else []
        if told:  # beside the table, which a phone scrolls
            tables.append(f'<p class="soft">{text("; ".join(told))}.</p>')
    return "\n".join(tables)


def pairs_tables(found: Comparison) -> str:
    """The differences of all pairs in numbers, a table for each way of comparing methods."""
    tables = [
        _table(pairs(found.differences), part, f"Differences: {part[0].heading}")
        for part in parts(found.differences)
    ]
    return f'<div class="side">{"".join(tables)}</div>' if tables else ""


def _table(
    first: Column,
    shown: Sequence[Column],
    title: str,
    *,
    keys: Sequence[str] = (),
    bold: Collection[tuple[str, int]] = (),
) -> str:
    head = "".join(
        f'<th scope="col"{_kind(c)}>{_breaking(c.heading)}</th>' for c in (first, *shown)
    )
    body = "".join(
        f"<tr>{_name(name, keys[place] if keys else '')}"
        + "".join(_cell(c, place, (c.heading, place) in bold) for c in shown)
        + "</tr>\n"
        for place, name in enumerate(first.cells)
        if keys or any(c.cells[place] != NOTHING for c in shown)  # pairs that say something
    )
    head = f"<caption>{text(title)}</caption>\n<thead><tr>{head}</tr></thead>"
    return scrolled(f"<table>\n{head}\n<tbody>\n{body}</tbody></table>", title)


def _name(name: str, key: str) -> str:
    kind = "short" if len(name) <= SHORT else "long" if len(name) > LONG else "middle"
    return f'<th scope="row" class="{kind}">{key}{text(name)}</th>'


def _cell(column: Column, place: int, strong: bool) -> str:
    said = text(column.cells[place])
    return f"<td{_kind(column)}>{f'<strong>{said}</strong>' if strong else said}</td>"


def _breaking(heading: str) -> str:
    """A heading that may go on behind a stroke."""
    return text(heading).replace("/", "/<wbr>")


def _kind(column: Column) -> str:
    """Words break, numbers stay whole and have their ends in line."""
    if column.heading in WORDS:
        return ' class="wide"'
    numbers = all(cell == NOTHING or cell.lstrip("+-<.( ")[:1].isdigit() for cell in column.cells)
    return ' class="number"' if numbers else ""


def _key(place: int) -> str:
    """The line that stands for a method in every figure."""
    seen = look(place)
    dash = DASHES.get(seen.dash, "")
    return (
        '<svg class="key" viewBox="0 0 24 10" aria-hidden="true">'
        f'<line x1="1" y1="5" x2="23" y2="5" stroke="{seen.colour}" stroke-width="3"'
        + (f' stroke-dasharray="{dash}"' if dash else "")
        + "/></svg>"
    )
