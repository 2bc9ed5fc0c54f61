"""What the columns of a comparison's table hold, as texts, in whatever format they are written."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from vrtune.comparing.evidence import Kind
from vrtune.comparing.table import AtBudget, Row
from vrtune.display.figures import figure, safe, settings
from vrtune.studies.retrained import Spread

MOST_DECIMALS = 8
NOTHING = "-"


Two = tuple[str, str]


@dataclass(frozen=True)
class Column:
    """A heading, the text of each row, and which differences judge it."""

    heading: str
    cells: tuple[str, ...]
    kind: Kind | None = None  # None: no better and no worse
    words: bool = False  # figures stand on the right
    two: Two | None = None  # the heading in two lines; columns may share the first
    judges: Collection[int] | None = None  # rows that are judged by it; None: all

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return all(cell == NOTHING for cell in self.cells)

    def is_bold(self, row: int, bold: Bold | None) -> bool:
        """Whether a cell stands out."""
        judged = self.judges is None or row in self.judges
        return judged and self.kind is not None and row in (bold or {}).get(self.kind, ())


Part = tuple[Column, ...]  # columns that belong together
Bold = Mapping[Kind, Collection[int]]  # rows whose cells stand out, by what judges a column


def results(rows: Sequence[Row], *, sign: str = "+-", least: int = 4) -> list[Part]:
    """What the methods reached: on the folds, on test data, over all starts. As many decimals as
    the spread of a figure has, but `least`; `sign` stands between a mean and its deviation."""
    metrics, scores = _metrics(rows), list(dict.fromkeys(row.score for row in rows))
    beside = [n for n in dict.fromkeys(r.measure.beside for r in rows) if n not in metrics]
    judged_again = all(row.all_starts for row in rows)  # then fresh starts are compared

    def spreads(of: Sequence[Spread | None], heading: str, two: Two, places: int) -> Column:
        return Column(heading, tuple(_plus_minus(s, places, sign) for s in of), two=two)

    validation, tested = list[Column](), list[Column]()
    for name in (*metrics, *beside):
        of, judged = [row.validation(name) for row in rows], name in metrics
        heading = f"{'validation' if judged else 'val.'} {name}"
        column = spreads(of, heading, ("validation", name), _places(rows, name, least))
        kind: Kind | None = "folds" if judged and not judged_again else None
        validation.append(replace(column, kind=kind, judges=_judged(rows, name)))
    for name in scores:
        test = [row.test_metrics.get(name) for row in rows]
        train = [row.train_metrics.get(name) for row in rows]
        places = decimals([*test, *train], _least(name, [*test, *train], least))
        column = spreads(test, f"test {name}", (name, "test"), places)
        judges = {i for i, row in enumerate(rows) if row.score == name}
        tested += [
            replace(column, kind="seeds", judges=judges),
            spreads(train, f"train {name}", (name, "train"), places),
        ]
    return _known(tuple(validation), tuple(tested), _fresh(rows, metrics, least, judged_again))


def _fresh(rows: Sequence[Row], metrics: Sequence[str], least: int, judged_again: bool) -> Part:
    """Over all starts, and how many failed."""
    starts = [row.all_starts for row in rows]
    columns = []
    for name in metrics:
        places, judged = _places(rows, name, least), _judged(rows, name)
        cells = tuple(
            _number(s.value, places, "diverged") if s and i in judged else NOTHING
            for i, s in enumerate(starts)
        )
        kind: Kind | None = "folds" if judged_again else None
        columns.append(Column(f"{name}, all starts", cells, kind, judges=judged))
    failed = tuple(f"{s.failed} of {s.trainings}" if s else NOTHING for s in starts)
    return *columns, Column("failed", failed)


def budgets(rows: Sequence[Row], *, least: int = 4) -> list[Part]:
    """The value that the methods had reached where all had spent alike."""
    columns = []
    kinds: tuple[Kind, Kind] = ("equal trials", "equal gradient computations")
    for name in _metrics(rows):
        places, judged = _places(rows, name, least), _judged(rows, name)
        for kind, found in (
            (kinds[0], [row.equal_trials for row in rows]),
            (kinds[1], [row.equal_gradient_computations for row in rows]),
        ):
            cells = tuple(
                _number(at.value, places) if i in judged else NOTHING for i, at in enumerate(found)
            )
            heading = f"{name}, {_budget(found[0], kind)}"
            columns.append(Column(heading, cells, kind, judges=judged))
    return _known(tuple(columns))


def _metrics(rows: Sequence[Row]) -> list[str]:
    """What studies are judged by, each once."""
    return list(dict.fromkeys(row.metric for row in rows))


def _judged(rows: Sequence[Row], metric: str) -> set[int]:
    """The rows that are judged by a metric."""
    return {i for i, row in enumerate(rows) if row.metric == metric}


def _places(rows: Sequence[Row], name: str, least: int) -> int:
    """Decimals of a metric on folds."""
    found = [row.validation(name) for row in rows]
    return decimals(found, _least(name, found, least))


def _least(name: str, spreads: Iterable[Spread | None], least: int) -> int:
    """Decimals that a figure has in any case; of what is counted in units of its own, such as an
    rmse of hundreds, fewer."""
    large = max((abs(s.mean) for s in spreads if s and s.mean is not None), default=0.0)
    if name in ("loss", "accuracy") or not 10 <= large < math.inf:
        return least
    return max(0, least - math.floor(math.log10(large)))


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
