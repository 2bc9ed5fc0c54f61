"""compare(): studies side by side, how surely they differ, and what each took to tune."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from vrtune.comparing.evidence import Difference, differences
from vrtune.comparing.formats import differences_as_csv, rows_as_csv
from vrtune.comparing.notes import Note, notes
from vrtune.comparing.studies import read_studies
from vrtune.comparing.table import Row, table
from vrtune.comparing.tasks import unlike
from vrtune.comparing.tuned import Tuned
from vrtune.comparing.verdict import Verdict, conclusion, verdicts
from vrtune.comparing.writing import as_latex, as_markdown, as_text, as_web
from vrtune.config import Settings, Storage, Task
from vrtune.display.tables import Block
from vrtune.errors import UsageError
from vrtune.given.arguments import checked
from vrtune.storages.faults import faults
from vrtune.storages.opening import DEFAULT_URL
from vrtune.storages.quiet import quiet

WIDTH = 100  # columns where nobody says how many there are
ROPE = 0.01
Format = Literal["text", "markdown", "latex", "csv"]


class Comparison(Settings):
    """Methods side by side: what they reached, how surely they differ, and what that cost."""

    task: Task | None  # of all of them, but for a method's own and seed; null where tasks differ
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    verdicts: tuple[Verdict, ...]
    conclusion: str
    notes: tuple[Note, ...]

    def text(self, width: int = WIDTH, *, pairs: bool = False) -> str:
        """For a terminal of so many columns; with `pairs` all pairs of methods, and no more."""
        return "\n\n".join(map(str, self.blocks(width, pairs=pairs)))

    def blocks(self, width: int = WIDTH, *, pairs: bool = False) -> list[Block]:
        """The same, each block with its heading apart."""
        return as_text(self, width, only_pairs=pairs)

    def markdown(self, *, pairs: bool = False) -> str:
        """Tables as GitHub reads them, and the conclusion."""
        return as_markdown(self, only_pairs=pairs)

    def latex(self, *, pairs: bool = False) -> str:
        r"""Tables for a paper, which need \usepackage{booktabs}."""
        return as_latex(self, only_pairs=pairs)

    def csv(self, *, pairs: bool = False) -> str:
        """A line a method, or a pair of methods; in full precision."""
        return differences_as_csv(self.differences) if pairs else rows_as_csv(self.rows)

    def __repr__(self) -> str:
        return self.text()

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return as_web(self)


@checked
@quiet()
def compare(
    *studies: str, storage: Storage = DEFAULT_URL, any_task: bool = False, rope: float = ROPE
) -> Comparison:
    """Compares methods as studies tuned them: a table, paired differences, and who won, if anybody.

    Args:
        studies: their names; none: all of the storage that vrtune made.
        storage: URL of the storage that keeps the studies.
        any_task: whether to compare studies of different tasks or data, with nothing paired.
        rope: the share of a loss, or of another metric, that makes no difference: values that lie
            closer are equal.

    Returns:
        The comparison. Printed, it is a table for people; `markdown()`, `latex()` and `csv()` are
        for papers and programs, `rows`, `differences` and `verdicts` for your own code.

    Raises:
        UsageError: there is no such study, vrtune did not make it, or the studies are of different
            tasks.
        VrtuneError: the storage can't be read.

    Example:
        >>> from vrtune import compare  # the study is that of search's example
        >>> compared = compare("sgd-digits-softmax")
        >>> [(row.method, row.trials.complete) for row in compared.rows]
        [('sgd', 2)]
    """
    if not (math.isfinite(rope) and rope > 0):
        raise UsageError(f"rope: give a number above 0 (got {rope})")
    url = str(storage)
    with faults(url):
        return compared(read_studies(studies, url, any_task=any_task), url, rope=rope)


def compared(tuned: Sequence[Tuned], storage: str, *, rope: float = ROPE) -> Comparison:
    """The comparison of what was read before."""
    found = differences(tuned, rope=rope)
    said = verdicts(tuned, found)
    return Comparison(
        task=_task(tuned),
        rows=tuple(table(tuned)),
        differences=tuple(found),
        verdicts=tuple(said),
        conclusion=conclusion(said),
        notes=tuple(notes(tuned, storage)),
    )


def _task(tuned: Sequence[Tuned]) -> Task | None:
    """The task of the first, if nothing but the start of weights and the seed is another's own."""
    first = tuned[0]
    return None if any(unlike(first, each, seeds=False) for each in tuned) else first.task
