"""The table of docs/reliability.md, made of the record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

HEAD = (
    "fault", "storage", "processes", "times", "trials", "cut off", "lost", "stuck", "doubled",
    "epochs", "again", "gave up", "equal",
)  # fmt: skip
NO_ROOM = ("files that can't grow", "a disk that is full")  # a search may end with a sentence
NO_CHECKPOINT = ("checkpoints spoiled", *NO_ROOM)  # a trial may begin at epoch 1 again
Row = dict[str, Any]


def key(row: Row) -> tuple[Any, ...]:
    """What tells a row from another: a later one takes its place."""
    return row["fault"], row["storage"], row["processes"], row["workers"], row["open"]


def is_bad(row: Row) -> bool:
    """Whether a run shows what must not happen."""
    wrong = any(row.get(name) for name in ("lost", "stuck", "doubled", "unlike"))
    if row["fault"] not in NO_CHECKPOINT and "again" in row:
        wrong |= bool(row["anew"]) or row["again"] > row["every"] * row["cut_off"]
    if "continued" in row:  # a retraining that was killed goes on where it was
        wrong |= bool(row["kinds"].get("while training again")) and not row["continued"]
    return wrong or bool(row["gave_up"] and row["fault"] not in NO_ROOM)


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a table."""
    lines = [HEAD, ("---",) * len(HEAD), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> Sequence[str]:
    processes = str(row["processes"])
    processes += f" + {row['workers']}" if row["workers"] else ""
    processes += f", {row['open']} trials each" if row["open"] > 1 else ""
    where = [row["fault"], row["storage"], processes, str(row["times"])]
    equal = "yes" if not row["unlike"] else f"no: {row['unlike']}"
    if "points" not in row:  # of a retraining
        return [*where, *[""] * 7, str(len(row["gave_up"])), equal]
    names = ("points", "cut_off", "lost", "stuck", "doubled", "epochs", "again")
    return [*where, *(f"{row[name]:,}" for name in names), str(len(row["gave_up"])), equal]


def totals(rows: Sequence[Row]) -> str:
    """One sentence of all kills."""
    killed = [row for row in rows if row["fault"] == "a process killed"]
    times, cut, epochs, again = (
        sum(row[name] for row in killed) for name in ("times", "cut_off", "epochs", "again")
    )
    return (
        f"{times} random kills cut {cut} trials off; of {epochs:,} epochs {again} were trained "
        f"again ({100 * again / max(1, epochs):.1f} %), at most "
        f"{max((row['most'] for row in killed), default=0)} of a trial."
    )
