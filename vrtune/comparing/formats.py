"""A comparison's tables as Markdown, HTML and comma-separated values."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from vrtune.comparing.columns import Bold, Column, Part
from vrtune.comparing.evidence import Difference
from vrtune.comparing.table import Row
from vrtune.display.figures import safe
from vrtune.display.measures import LOSS, as_column

SPREADS = ("validation_loss", "validation_accuracy", "test_accuracy", "test_loss", "train_accuracy")
USUAL = {LOSS.value, f"test {LOSS.score}"}  # measures
UNUSUAL = (
    *("metric", "direction", "score"),
    *("validation_metrics", "test_metrics", "train_metrics"),
)
SPECIAL = re.compile(r"([\\`*_\[\]|$~#])")  # to GitHub


def markdown(first: Column, parts: Sequence[Part], bold: Bold | None = None) -> str:
    """A table as GitHub reads it; its first column is of names, numbers are on the right."""
    columns = [first, *(column for part in parts for column in part)]
    rules = ["---", *("---" if column.words else "---:" for column in columns[1:])]
    lines = [_bars(column.heading for column in columns), _bars(rules)]
    for i in range(len(first.cells)):
        lines.append(_bars(_strong(column, i, bold, "**{}**", marked) for column in columns))
    return "\n".join(lines)


def marked(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return html.escape(SPECIAL.sub(r"\\\1", text), quote=False)


def web(first: Column, parts: Sequence[Part], bold: Bold | None = None) -> str:
    """A table for a notebook."""
    columns = [first, *(column for part in parts for column in part)]
    head = "".join(f"<th>{html.escape(column.heading)}</th>" for column in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{_strong(column, i, bold, '<b>{}</b>', html.escape)}</td>" for column in columns
        )
        + "</tr>"
        for i in range(len(first.cells))
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def rows_as_csv(rows: Sequence[Row]) -> str:
    """A line a method, in full precision; of what varies mean and standard deviation apart."""
    lines = [_flat(row) | more for row, more in zip(rows, _unusual(rows), strict=True)]
    return _csv(lines[0], lines)


def differences_as_csv(found: Sequence[Difference]) -> str:
    """A line a pair of methods and way of comparing them, in full precision."""
    usual = {each.measure for each in found} <= USUAL  # everybody knows which of them is better
    left_out = {"reasons", *(["direction"] if usual else [])}
    names = [name for name in Difference.model_fields if name not in left_out]
    lines = [{**each.model_dump(include={*names}), "note": each.note} for each in found]
    return _csv([*names, "note"], lines)


def _flat(row: Row) -> dict[str, Any]:
    """All of it, side by side."""
    out: dict[str, Any] = {}
    for name, value in row.model_dump().items():
        if name in SPREADS:
            out |= {f"{name}_{part}": value and value[part] for part in ("mean", "std")}
        elif name in ("equal_trials", "equal_gradient_computations"):
            out |= {name: value["budget"], f"{name}_loss": value["loss"]}
        elif name == "all_starts":
            parts = ("loss", "failed", "trainings")
            out |= {f"{name}_{part}": value and value[part] for part in parts}
        elif name == "trials":
            out |= {f"trials_{state}": count for state, count in value.items()}
        elif name == "setting":
            out[name] = json.dumps(value, ensure_ascii=False, default=str)
        elif name not in UNUSUAL:
            out[name] = value
    return out


def _unusual(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The same of what is judged by another metric than the loss, or has no accuracy; nothing where
    no row is or has."""
    if all(row.measure == LOSS for row in rows):
        return [{} for _ in rows]
    lines: list[dict[str, Any]] = []
    for row in rows:
        out: dict[str, Any] = {"metric": row.metric, "direction": row.direction}
        for part in ("validation", "test", "train"):
            names = dict.fromkeys(
                name for each in rows for name in getattr(each, f"{part}_metrics")
            )
            for name in names:
                if (column := as_column(f"{part}_{name}")) not in SPREADS:
                    found = getattr(row, f"{part}_metrics").get(name)
                    out |= {
                        f"{column}_{of}": found and getattr(found, of) for of in ("mean", "std")
                    }
        out["all_starts_value"] = row.all_starts and row.all_starts.value
        out["equal_trials_value"] = row.equal_trials.value
        out["equal_gradient_computations_value"] = row.equal_gradient_computations.value
        lines.append(out)
    return lines


def _csv(names: Iterable[str], lines: Sequence[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for line in lines:
        writer.writerow(safe(cell) if isinstance(cell, str) else cell for cell in line.values())
    return out.getvalue()


def _bars(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _strong(
    column: Column, row: int, bold: Bold | None, around: str, quoted: Callable[[str], str]
) -> str:
    cell = quoted(column.cells[row])
    return around.format(cell) if column.is_bold(row, bold) else cell
