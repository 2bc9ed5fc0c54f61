"""What a range test found: rates, a curve a fold, a table, a figure and files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from vrtune.config import Settings, Task
from vrtune.display.figures import figure
from vrtune.display.tables import Block, blocks
from vrtune.errors import UsageError
from vrtune.figures.panel import Panel
from vrtune.given.files import check_writable, write
from vrtune.ranging.figure import draw
from vrtune.ranging.rows import Row
from vrtune.reporting.images import FORMATS, check_images, save_images
from vrtune.reporting.page import figures_page
from vrtune.trial_config import TrialConfig

WIDTH = 100  # columns
LABEL = 14  # columns before a sentence
READ = ("begins", "steepest", "lowest", "diverges")
FILES = (".html", ".json", ".csv", *(f".{name}" for name in FORMATS))


class RangeTest(Settings):
    """The training loss while the learning rate rises, on every fold."""

    space: str
    task: Task  # of which epochs, patience, average and metric play no part
    config: TrialConfig  # the space's DEFAULT; its learning rate and schedule play no part
    rates: tuple[float, ...]  # of each step
    folds: tuple[Row, ...]
    mean: Row  # of the mean loss over folds
    searched: tuple[float, float] | None = None  # the range that the space gives its lr

    @property
    def suggested(self) -> tuple[float, float] | None:
        """Learning rates worth a search: from where the loss begins to fall to where it is lowest.

        None where it never falls.
        """
        if self.mean.begins is None or self.mean.lowest is None:
            return None
        return self.mean.begins, self.mean.lowest

    @property
    def sentences(self) -> list[tuple[str, str]]:
        """What it says, behind labels."""
        if self.suggested is None:
            said = (
                f"the loss does not fall at any rate of {_span(self.rates[0], self.rates[-1])}: "
                "give more --steps, or other ends by --lowest and --highest"
            )
            return [("note", said)]
        low, high = self.suggested
        found = [
            (
                "suggested lr",
                f"{_span(low, high)}, from where the loss begins to fall to where it is lowest",
            )
        ]
        if self.mean.begins == self.rates[0]:
            found.append(("note", "the loss falls from the first step on: give a lower --lowest"))
        if self.mean.diverges is None:
            said = f"training does not diverge below {self.rates[-1]:g}: give a higher --highest"
            found.append(("note", said))
        steepest = self.mean.steepest
        if self.searched and steepest and not self.searched[0] < steepest < self.searched[1]:
            said = (
                f"{self.space} searches lr in {_span(*self.searched)}, and the loss falls fastest "
                f"at {steepest:.2g}: widen its range"
            )
            found.append(("note", said))
        return found

    @property
    def table(self) -> list[list[str]]:
        """A line a fold and one for all, the names of its columns first."""
        lines = self.folds if len(self.folds) == 1 else (*self.folds, self.mean)
        rows = [[line.fold, *(_rate(getattr(line, name)) for name in READ)] for line in lines]
        return [["fold", *READ], *rows]

    @property
    def panel(self) -> Panel:
        """The figure."""
        title = f"{self.space} on {Path(self.task.dataset).name}, {Path(self.task.model).name}"
        return draw(self.mean, self.folds, self.rates, title)

    def text(self, width: int = WIDTH) -> str:
        """The table and what it says."""
        first, *columns = zip(*self.table, strict=True)
        said = tuple(f"{label:<{LABEL}}{text}" for label, text in self.sentences)
        found = [*blocks(first, [columns], width), Block("", said)]
        return "\n\n".join(map(str, found))

    def save(self, path: str | Path) -> Path:
        """Writes the figure or the numbers, as the file's name ends: .html, .png, .svg, .pdf,
        .json or .csv.

        UsageError for another ending, VrtuneError where it can't be written or drawn.
        """
        path = Path(path).expanduser()
        check_path(path)
        kind, panel = path.suffix.lower(), self.panel
        if kind[1:] in FORMATS:
            with tempfile.TemporaryDirectory() as folder:
                (drawn,) = save_images({"range": panel}, Path(folder), kind[1:])
                write(path, drawn.read_bytes())
        elif kind == ".html":
            write(path, figures_page(panel.title, [panel]))
        else:
            write(path, panel.csv() if kind == ".csv" else self.model_dump_json(indent=2) + "\n")
        return path

    def __repr__(self) -> str:
        return self.text()

    __str__ = __repr__


def check_path(path: Path) -> None:
    """UsageError or VrtuneError if nothing could be written there, before anything is done."""
    kind = path.suffix.lower()
    if kind not in FILES:
        raise UsageError(f"{path}: choose a file that ends in one of {', '.join(FILES)}")
    if kind[1:] in FORMATS:
        check_images()
    check_writable(path)


def _rate(value: float | None) -> str:
    return figure(None if value is None else float(f"{value:.2g}"))


def _span(low: float, high: float) -> str:
    return f"{low:.2g} .. {high:.2g}"
