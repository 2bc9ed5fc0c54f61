"""The record for people: one line a case, the figures that matter."""

from __future__ import annotations

from typing import Any

HIDDEN = {"lanes", "way", "n", "seconds", "traceback", "warnings"}
WIDTH = 240


def table(parts: dict[str, dict[str, Any]]) -> str:
    """All parts. What did not run says why."""
    out = []
    for name, kept in parts.items():
        rows = kept["rows"]
        wide = max(map(len, rows), default=0)
        out.append(f"{name} ({kept.get('seconds', '?')} s)")
        out += [f"  {case:{wide}}  {line(row)}"[:WIDTH] for case, row in rows.items()]
    return "\n".join(out)


def line(row: dict[str, Any]) -> str:
    """A case's figures; or what it raised, or why it did not run; and how its warnings begin."""
    if "error" in row or "skipped" in row:
        return str(row.get("error") or f"skipped, {row['skipped']}")
    cells = [f"{name} {_said(value)}" for name, value in row.items() if name not in HIDDEN]
    return "  ".join([*cells, *(f"! {text[:70]}" for text in row.get("warnings", {}))])


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return "[" + " ".join(map(_said, value)) + "]"
    if isinstance(value, dict):
        return "{" + " ".join(f"{name}: {_said(v)}" for name, v in value.items()) + "}"
    return str(value)
