"""The answer: steps to a target over batch sizes, as a table, a figure and files."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path

from vrtune.comparing.formats import markdown, web
from vrtune.config import Settings, Task
from vrtune.display.figures import safe
from vrtune.display.measures import LOSS, Direction, Measure
from vrtune.display.tables import Block, blocks, broken
from vrtune.errors import UsageError
from vrtune.figures.panel import Panel
from vrtune.given.files import check_writable, write
from vrtune.reporting.images import FORMATS, check_images, save_images
from vrtune.reporting.page import figures_page
from vrtune.scaling import words
from vrtune.scaling.figure import draw
from vrtune.scaling.rows import Curve, Row

WIDTH = 100  # columns where nobody says how many there are
LABEL = 14  # columns before a sentence
FILES = (".html", ".json", ".csv", ".md", *(f".{name}" for name in FORMATS))


class Scaling(Settings):
    """Steps to a target over batch sizes, for each method; tuned at each batch size."""

    task: Task  # but for batch size and epochs
    target: float
    metric: str = LOSS.metric
    score: str = LOSS.score
    direction: Direction = LOSS.direction
    steps: int  # that every batch size may take, at the least
    trials: int  # asked for, a batch size
    samples: int  # of a fold's training part
    curves: tuple[Curve, ...]
    sentences: tuple[str, ...] = ()  # one a method
    notes: tuple[str, ...] = ()

    @property
    def measure(self) -> Measure:
        """What the target is a value of."""
        return Measure(self.metric, self.score, self.direction)

    @property
    def rows(self) -> list[Row]:
        """Of all methods."""
        return [row for curve in self.curves for row in curve.rows]

    @property
    def panel(self) -> Panel:
        """The figure."""
        return draw(self.curves, self.target, self.measure)

    def blocks(self, width: int = WIDTH) -> list[Block]:
        """For a terminal of so many columns, each block with its heading apart."""
        out: list[Block] = []
        for curve in self.curves:
            left, parts = words.columns(curve)
            first = (left.heading, *left.cells)
            out += blocks(first, [[(c.heading, *c.cells) for c in part] for part in parts], width)
        return [*out, Block("", tuple(self._told(width)))]

    def text(self, width: int = WIDTH) -> str:
        """The same as one text."""
        return "\n\n".join(map(str, self.blocks(width)))

    def markdown(self) -> str:
        """Tables as GitHub reads them, and what they say."""
        tables = [markdown(*words.columns(curve)) for curve in self.curves]
        said = [f"- {each}" for each in (*self.sentences, *self.notes)]
        return "\n\n".join([*tables, "\n".join(said)]) + "\n"

    def csv(self) -> str:
        """A line a method and batch size, in full precision."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        names = [name for name in Row.model_fields if name != "edges"]
        writer.writerow(names)
        for row in self.rows:
            given = row.model_dump(mode="json")
            writer.writerow(_cell(given[name]) for name in names)
        return out.getvalue()

    def html(self) -> str:
        """A page with the figure."""
        return figures_page(self.panel.title, [self.panel])

    def save(self, path: str | Path) -> Path:
        """Writes a page or an image of the figure, or the table, as the file's name ends: .html,
        .png, .svg, .pdf, .json, .csv or .md.

        UsageError for another ending, VrtuneError where it can't be written or drawn.
        """
        path = Path(path).expanduser()
        check_path(path)
        kind = path.suffix.lower()
        if kind[1:] in FORMATS:
            self._save_image(path, kind[1:])
            return path
        text = {
            ".html": self.html,
            ".json": lambda: self.model_dump_json(indent=2) + "\n",
            ".csv": self.csv,
            ".md": self.markdown,
        }[kind]()
        write(path, text)
        return path

    def _save_image(self, path: Path, kind: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (drawn,) = save_images({"batch-size": self.panel}, Path(folder), kind)
            write(path, drawn.read_bytes())

    def _told(self, width: int) -> Iterator[str]:
        """Sentences, each behind its label."""
        said = [("legend", words.LEGEND), *(("note", note) for note in self.notes)]
        said += [("conclusion", each) for each in self.sentences]
        for label, text in said:
            for i, line in enumerate(broken(text, max(40, width - LABEL))):
                yield f"{label if i == 0 else '':<{LABEL}}{line}"

    def __repr__(self) -> str:
        return self.text()

    __str__ = __repr__

    def _repr_html_(self) -> str:
        tables = [web(*words.columns(curve)) for curve in self.curves]
        return "".join([*tables, f"<pre>{_escaped(self._told(WIDTH))}</pre>"])


def check_path(path: Path) -> None:
    """UsageError or VrtuneError if no answer could be written there, before anything is done."""
    kind = path.suffix.lower()
    if kind not in FILES:
        raise UsageError(f"{path}: choose a file that ends in one of {', '.join(FILES)}")
    if kind[1:] in FORMATS:
        check_images()
    check_writable(path)


def _cell(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return safe(value) if isinstance(value, str) else value


def _escaped(lines: Iterator[str]) -> str:
    return escape("\n".join(lines))
