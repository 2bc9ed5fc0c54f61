"""What the columns of a comparison's table hold, as texts, in whatever format they are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from vrtune.comparing.evidence import Kind
from vrtune.comparing.table import AtBudget, Row
from vrtune.display.figures import figure, safe, settings
from vrtune.studies.retrained import Spread

MOST_DECIMALS = 8
NOTHING = "-"


@dataclass(frozen=True)
class Column:
    """A heading, the text of each row, and which differences judge it."""

    heading: str
    cells: tuple[str, ...]
    kind: Kind | None = None  # None: no better and no worse
    words: bool = False  # figures stand on the right
    two: tuple[str, str] | None = None  # the heading in two lines; columns may share the first

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return all(cell == NOTHING for cell in self.cells)

    def is_bold(self, row: int, bold: Bold | None) -> bool:
        """Whether a cell stands out."""
        return self.kind is not None and row in (bold or {}).get(self.kind, ())


Of = Callable[[Row], Spread | None]
Part = tuple[Column, ...]  # columns that belong together
Bold = Mapping[Kind, Collection[int]]  # rows whose cells stand out, by what judges a column


def results(rows: Sequence[Row], *, sign: str = "+-", least: int = 4) -> list[Part]:
    """What the methods reached: on the folds, on test data, over all starts. As many decimals as
    the spread of a figure has, but `least`; `sign` stands between a mean and its deviation."""
    losses = decimals((row.validation_loss for row in rows), least)
    of_folds = decimals((row.validation_accuracy for row in rows), least)
    of_seeds = decimals((s for r in rows for s in (r.test_accuracy, r.train_accuracy)), least)

    def spreads(
        heading: str, two: tuple[str, str], of: Of, places: int, kind: Kind | None = None
    ) -> Column:
        cells = tuple(_plus_minus(of(row), places, sign) for row in rows)
        return Column(heading, cells, kind, two=two)

    starts = [row.all_starts for row in rows]
    by_fold: Kind = "folds"
    judged_again = all(starts)  # then it is the fresh starts that are compared
    kind = None if judged_again else by_fold
    loss, right = ("validation", "loss"), ("validation", "accuracy")
    test, train = ("accuracy", "test"), ("accuracy", "train")
    validation = (
        spreads("validation loss", loss, lambda row: row.validation_loss, losses, kind),
        spreads("val. accuracy", right, lambda row: row.validation_accuracy, of_folds),
    )
    tested = (
        spreads("test accuracy", test, lambda row: row.test_accuracy, of_seeds, "seeds"),
        spreads("train accuracy", train, lambda row: row.train_accuracy, of_seeds),
    )
    fresh = (
        Column(
            "loss, all starts",
            tuple(_number(s.loss, losses, "diverged") if s else NOTHING for s in starts),
            by_fold if judged_again else None,
        ),
        Column("failed", tuple(f"{s.failed} of {s.trainings}" if s else NOTHING for s in starts)),
    )
    return _known(validation, tested, fresh)


def budgets(rows: Sequence[Row], *, least: int = 4) -> list[Part]:
    """The loss that the methods had reached where all had spent alike."""
    places = decimals((row.validation_loss for row in rows), least)
    columns = []
    kinds: tuple[Kind, Kind] = ("equal trials", "equal gradient computations")
    for kind, found in (
        (kinds[0], [row.equal_trials for row in rows]),
        (kinds[1], [row.equal_gradient_computations for row in rows]),
    ):
        cells = tuple(_number(at.loss, places) for at in found)
        columns.append(Column(f"loss, {_budget(found[0], kind)}", cells, kind))
    return _known(tuple(columns))


def costs(rows: Sequence[Row]) -> list[Part]:
    """What was spent, in gradient computations but for the time and the trials."""
    said: list[tuple[str, Iterable[float | None]]] = [
        ("search cost", (row.search_cost for row in rows)),
        ("confirming", (row.confirm_cost for row in rows)),
        ("one training", (row.training_cost for row in rows)),
    ]
    spent = tuple(Column(heading, tuple(map(_count, of))) for heading, of in said)
    seconds = tuple(NOTHING if row.seconds is None else f"{row.seconds:.1f}" for row in rows)
    trials = tuple(str(row.trials) for row in rows)
    return [spent, (Column("search (s)", seconds),), (Column("trials", trials, words=True),)]


def chosen(rows: Sequence[Row]) -> list[Part]:
    """Which trial of which study, and its settings."""
    trials, studies = tuple(figure(r.trial) for r in rows), tuple(safe(r.study) for r in rows)
    given = tuple(settings(row.setting) or NOTHING for row in rows)
    return [
        (Column("trial", trials), Column("study", studies, words=True)),
        (Column("setting", given, words=True),),
    ]


def methods(rows: Sequence[Row]) -> Column:
    """Their names, for the left."""
    return Column("method", tuple(safe(row.method) for row in rows), words=True)


def decimals(spreads: Iterable[Spread | None], least: int) -> int:
    """For two digits of the largest standard deviation."""
    known = [s.std for s in spreads if s and s.std]
    if not known:
        return 4
    return min(max(1 - math.floor(math.log10(max(known))), least), MOST_DECIMALS)


def _known(*parts: Part) -> list[Part]:
    """Those that say something; of the first all columns."""
    return [part for part in parts if not all(column.is_empty for column in part)]


def _plus_minus(spread: Spread | None, places: int, sign: str) -> str:
    if spread is None:
        return NOTHING
    if spread.mean is None:
        return "diverged"
    several = len(spread.values) > 1 and spread.std is not None
    mean = _number(spread.mean, places)
    return f"{mean} {sign} {_number(spread.std, places)}" if several else mean


def _number(value: float | None, places: int, nothing: str = NOTHING) -> str:
    if value is None:
        return nothing
    return f"{value:.{places}f}" if abs(value) < 1e6 else figure(value)


def _count(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f}"


def _budget(at: AtBudget, kind: Kind) -> str:
    what = "trial" if kind == "equal trials" else "gradient"
    return f"{_count(at.budget)} {what}{'s' * (at.budget != 1)}"
