"""report(): studies on one page, and their figures for a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from vrtune.comparing.compare import Comparison, compared
from vrtune.comparing.studies import read_studies
from vrtune.comparing.tuned import Tuned
from vrtune.config import Storage
from vrtune.display.figures import safe
from vrtune.figures import panels as drawn
from vrtune.figures.missing import Missing, missing
from vrtune.figures.panel import Panel
from vrtune.given.arguments import SomePath, checked
from vrtune.given.files import check_writable, write
from vrtune.given.names import folder_name
from vrtune.reporting import markup, words
from vrtune.reporting.images import save_images
from vrtune.reporting.page import page
from vrtune.reporting.paper import Paper
from vrtune.storages.faults import faults
from vrtune.storages.opening import DEFAULT_URL
from vrtune.storages.quiet import quiet


class Report(Mapping[str, Panel]):
    """What studies say together: figures by name, in reading order, and all of it on a page."""

    def __init__(
        self,
        tuned: Sequence[Tuned],
        comparison: Comparison,
        panels: Sequence[Panel],
        missing: Sequence[Missing],
        storage: str,
    ) -> None:
        self.tuned = tuple(tuned)
        self.comparison = comparison
        self.panels = _named(panels)
        self.missing = tuple(missing)
        self.storage = storage

    def __getitem__(self, name: str) -> Panel:
        return self.panels[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.panels)

    def __len__(self) -> int:
        return len(self.panels)

    def html(self) -> str:
        """The page: one text, which needs no other file and no network."""
        return page(self.tuned, self.comparison, self.panels, self.missing, self.storage)

    def save(self, path: str | Path) -> Path:
        """Writes the page to a file. VrtuneError if that can't be done."""
        path = Path(path).expanduser()
        write(path, self.html())
        return path

    def save_images(
        self,
        folder: str | Path,
        format: str = "png",
        *,
        width: float = 8.5,
        font: float = 8.0,
        doing: Callable[[str], None] | None = None,
    ) -> list[Path]:
        """Writes an image of each figure, for a paper; needs pip install 'vrtune[images]'.

        Args:
            folder: where to; it is made.
            format: png, svg or pdf.
            width: of the paper's column, in centimetres.
            font: the size of letters, in points.
            doing: is told what is done.

        Returns:
            The files.

        Raises:
            UsageError: there is no such format.
            VrtuneError: the folder can't be written, or there is no Kaleido or no browser.
        """
        return save_images(
            self.panels, Path(folder).expanduser(), format, Paper(width, font), doing=doing
        )

    def __repr__(self) -> str:
        width = max(map(len, self.panels), default=0)
        lines = [f"{safe(name):<{width}}  {safe(p.title)}" for name, p in self.panels.items()]
        head = f"Report: {safe(words.title(self.tuned))}, {len(self)} figures by name"
        return "\n".join([head, *(f"  {line}" for line in lines)])

    def _repr_html_(self) -> str:
        """In a notebook what was found, and which figures there are; they are shown by name."""
        rows = [(name, panel.title, panel.how) for name, panel in self.panels.items()]
        listed = markup.table(("figure", "title", "how to read it"), rows, "Figures")
        told = markup.text(self.comparison.conclusion)
        return f"<p>{told}</p>{self.comparison._repr_html_()}{listed}"


@checked
@quiet()
def report(
    *studies: str,
    storage: Storage = DEFAULT_URL,
    output: SomePath | None = None,
    any_task: bool = False,
) -> Report:
    """Reads studies and draws all that can be said of them: what was won, how surely, at what cost.

    Args:
        *studies: names of studies; none: all that vrtune made in the storage.
        storage: URL of the storage that keeps them, which is only read.
        output: the file for the page; None: none is written.
        any_task: whether they may be of different tasks or data.

    Returns:
        The figures by name; `html()` is the page, `save(path)` writes it.

    Raises:
        UsageError: there is no such study, or the studies are of different tasks.
        VrtuneError: the storage can't be read, or the file can't be written.

    Example:
        >>> from vrtune import report  # the study is that of search's example
        >>> found = report("sgd-digits-softmax", output="report.html")
        >>> found["cv-curves-sgd-digits-softmax"].columns[:2]
        ('trial', 'setting')
    """
    url = str(storage)
    if output is not None:
        check_writable(Path(output))
    with faults(url):
        tuned = read_studies(studies, url, any_task=any_task)
    found = Report(tuned, compared(tuned, url), drawn(tuned), missing(tuned, url), url)
    if output is not None:
        found.save(output)
    return found


def _named(panels: Sequence[Panel]) -> dict[str, Panel]:
    """Panels by names that files can have; those of a study end with its name."""
    found: dict[str, Panel] = {}
    for panel in panels:
        name = folder_name(panel.name if panel.study is None else f"{panel.name}-{panel.study}")
        number = 1
        while (key := name if number == 1 else f"{name}-{number}") in found:
            number += 1
        found[key] = panel
    return found
