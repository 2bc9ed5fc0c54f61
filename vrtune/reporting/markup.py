"""Texts and data as parts of a page: whoever named a study or a setting writes no markup."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any

from vrtune.display.figures import safe

# What would end a script, or begin a comment in one, as JSON can write it, too
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def text(given: object) -> str:
    """Another's text, as text of the page or as the value of an attribute."""
    return html.escape(safe(given))


def embedded(name: str, parts: dict[str, str]) -> str:
    """A script element of this id that holds an object of JSON texts, and runs nothing."""
    inside = ",".join(f"{json.dumps(key)}:{value}" for key, value in parts.items())
    for mark, escape in ESCAPES.items():
        inside = inside.replace(mark, escape)
    return f'<script type="application/json" id="{name}">{{{inside}}}</script>'


def items(sentences: Iterable[object]) -> str:
    """A list of sentences."""
    return "<ul>" + "".join(f"<li>{text(each)}</li>" for each in sentences) + "</ul>"


def pairs(known: Iterable[tuple[str, object]]) -> str:
    """Labels and values."""
    rows = "".join(f"<dt>{text(label)}</dt><dd>{text(value)}</dd>" for label, value in known)
    return f"<dl>{rows}</dl>"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str) -> str:
    """A table whose first column names its rows, in a box that scrolls where it is too wide."""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row">{text(first)}</th>'
        + "".join(f'<td class="wide">{text(cell)}</td>' for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return scrolled(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>", caption)


def scrolled(table: str, caption: str) -> str:
    """A box for a table, which a keyboard scrolls as well."""
    named = f'role="region" tabindex="0" aria-label="{text(caption)}"'
    return f'<div class="scroll" {named}>{table}</div>'


def section(name: str, title: str, *parts: str) -> str:
    """A part of the page with a heading; nothing where there are no parts."""
    inside = "\n".join(part for part in parts if part)
    if not inside:
        return ""
    return f'<section id="{name}"><h2>{text(title)}</h2>\n{inside}\n</section>'


def lines(given: Iterable[object]) -> str:
    """Texts on lines of their own."""
    return "\n".join(map(text, given))
