"""The report as one page of HTML that needs no other file and asks no network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from vrtune.comparing.tuned import Tuned
from vrtune.figures.missing import Missing
from vrtune.figures.panel import Panel
from vrtune.figures.style import HEIGHT_PX
from vrtune.reporting import markup, words
from vrtune.reporting.document import document
from vrtune.reporting.method_table import method_tables, pairs_tables
from vrtune.reporting.origins import origins
from vrtune.storages.secrets import public

if TYPE_CHECKING:
    from vrtune.comparing.compare import Comparison

OPEN = 3  # studies that are not folded away
LONG = 5  # studies for which there is a table of contents


def page(
    tuned: Sequence[Tuned],
    comparison: Comparison,
    panels: Mapping[str, Panel],
    lacking: Sequence[Missing],
    storage: str,
) -> str:
    """The page.

    Args:
        tuned: what the studies found.
        comparison: what they say together.
        panels: the figures, in reading order, by the names of their files.
        lacking: what is not there, and what would add it.
        storage: the URL of the storage that keeps the studies.
    """
    title = words.title(tuned)
    sections = _sections(tuned, comparison, panels, lacking, storage)
    inside = f"""<header>
<h1>{markup.text(title)}</h1>
{_task(tuned)}
</header>
{_contents(tuned, sections)}
<main>
{"".join(sections.values())}
</main>"""
    return document(title, inside)


def figures_page(title: str, panels: Sequence[Panel]) -> str:
    """A page of figures alone."""
    inside = f"<header><h1>{markup.text(title)}</h1></header>"
    placed = [_Placed(number, panel.name, panel) for number, panel in enumerate(panels)]
    grid = _grid(placed) or "<p>Nothing to draw.</p>"
    return document(title, f"{inside}\n<main>{grid}</main>")


def _sections(
    tuned: Sequence[Tuned],
    comparison: Comparison,
    panels: Mapping[str, Panel],
    lacking: Sequence[Missing],
    storage: str,
) -> dict[str, str]:
    """Those that have something to say, by their headings."""
    placed = [_Placed(number, key, panel) for number, (key, panel) in enumerate(panels.items())]
    across = [each for each in placed if each.panel.study is None]
    own = [each for each in placed if each.panel.study is not None]
    found = {
        "Result": f'<p class="conclusion">{markup.text(words.sentence(comparison.conclusion))}</p>'
        + method_tables(comparison),
        "How sure": _evidence(comparison),
        "Notes": _notes(comparison),
        "Methods side by side": _grid(across),
        "Studies": _studies(tuned, own),
        "How it was made": _made(tuned, storage),
        "What is missing": _missing(lacking),
    }
    return {
        title: markup.section(_anchor(title), title, inside)
        for title, inside in found.items()
        if inside
    }


def _task(tuned: Sequence[Tuned]) -> str:
    return "".join(f'<p class="soft">{markup.text(said)}</p>' for said in words.tasks(tuned))


def _contents(tuned: Sequence[Tuned], sections: Mapping[str, str]) -> str:
    if len(tuned) < LONG:
        return ""
    return _links([(_anchor(title), title) for title in sections], "Contents")


def _links(to: Sequence[tuple[str, str]], name: str) -> str:
    rows = "".join(f'<li><a href="#{at}">{markup.text(title)}</a></li>' for at, title in to)
    return f'<nav class="contents" aria-label="{name}"><ul>{rows}</ul></nav>'


def _evidence(comparison: Comparison) -> str:
    """Each verdict, and at what rates it can be trusted."""
    said = [
        f"<li>{markup.text(words.sentence(each.sentence))}"
        + (
            f'<span class="claim">{markup.text(words.sentence(each.claim))}</span>'
            * bool(each.claim)
        )
        + "</li>"
        for each in comparison.verdicts
    ]
    every = pairs_tables(comparison)
    folded = f"<details><summary>All pairs in numbers</summary>{every}</details>" if every else ""
    return (f"<ul>{''.join(said)}</ul>" if said else "") + folded


def _notes(comparison: Comparison) -> str:
    said = [words.sentence(str(note)) for note in comparison.notes]
    return f'<div class="notes">{markup.items(said)}</div>' if said else ""


class _Placed(NamedTuple):
    """A figure on the page."""

    number: int
    file: str
    panel: Panel


def _grid(placed: Sequence[_Placed], level: int = 3) -> str:
    if not placed:
        return ""
    each = "\n".join(_figure(one, level) for one in placed)
    return f'<div class="panels">\n{each}\n</div>'


def _figure(placed: _Placed, level: int) -> str:
    """A figure; its data lie beside it until it comes into view."""
    number, key, panel = placed
    name, data, title = f"figure-{number}", f"data-{number}", markup.text(panel.title)
    height = panel.figure.layout.height or HEIGHT_PX
    parts = {
        "figure": panel.figure.to_json(),
        "csv": json.dumps(panel.csv()),
        "file": json.dumps(key),
        "height": json.dumps(height),
    }
    shown = f'role="img" aria-label="{title}" style="min-height:{height}px"'
    return f"""<figure class="panel" id="{name}">
<figcaption><h{level}>{title}</h{level}><p>{markup.text(panel.how)}</p></figcaption>
<div class="plot" data-from="{data}" {shown}></div>
<p class="data"><button type="button" class="link" data-csv="{data}"
 aria-label="Data of the figure {title} as CSV">data as CSV</button></p>
{markup.embedded(data, parts)}
</figure>"""


def _studies(tuned: Sequence[Tuned], placed: Sequence[_Placed]) -> str:
    """A part for each that can be folded away."""
    links = [(f"study-{i}", each.study) for i, each in enumerate(tuned)]
    found = [_links(links, "Studies")] if len(tuned) >= LONG else []
    for i, each in enumerate(tuned):
        own = [one for one in placed if one.panel.study == each.study]
        inside = markup.pairs(words.chosen(each)) + _grid(own, level=4)
        found.append(
            f'<details id="study-{i}"{" open" * (i < OPEN)}>'
            f"<summary><h3>{markup.text(each.study)}</h3> "
            f'<span class="soft">{markup.text(words.brief(each))}</span></summary>\n'
            f"{inside}\n</details>"
        )
    return "\n".join(found)


def _made(tuned: Sequence[Tuned], storage: str) -> str:
    columns, rows = origins(tuned)
    told = (
        f"Made by vrtune {version('vrtune')} on {datetime.now():%Y-%m-%d %H:%M} from the studies "
        f"in {public(storage)}."
    )
    table = markup.table(columns, rows, "How the studies were made")
    return f"<p>{markup.text(told)}</p>{table}"


def _missing(lacking: Sequence[Missing]) -> str:
    return "".join(
        f"<p>{markup.text(each.why)}{':' if each.commands else '.'}</p>"
        + (f"<pre><code>{markup.lines(each.commands)}</code></pre>" if each.commands else "")
        for each in lacking
    )


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
