"""What a question's answer says in tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vrtune.comparing.columns import NOTHING, Column, Part
from vrtune.display.figures import figure, safe, settings
from vrtune.display.measures import Measure
from vrtune.scaling.regions import Critical
from vrtune.scaling.rows import Curve, Row

FAR = 0.25  # a curve that lies farther from a point does not describe the steps
LEGEND = (
    "steps are those of the trial that reaches the target first, on the mean of its folds, "
    "interpolated between epochs; each fold's own: from the least to the most; ideal: perfect "
    "scaling from the least batch size; gain: 1 where doubling the batch size halves the steps, "
    "0 where it saves none; samples and gradient computations are those of a training on one fold"
)


def columns(curve: Curve) -> tuple[Column, list[Part]]:
    """A method's table: batch sizes on the left, and what is said of each."""
    rows = curve.rows
    left = Column(f"{safe(curve.method)}: batch size", tuple(str(row.batch_size) for row in rows))
    counts: Part = (
        Column("reached", tuple(f"{row.reached} of {row.trials}" for row in rows)),
        Column("epochs", tuple(_number(row, row.epochs_to_target) for row in rows)),
        Column("steps", tuple(_number(row, row.steps) for row in rows)),
        Column("ideal", tuple(_whole(row.ideal) for row in rows)),
        Column("of folds", tuple(_folds(row) for row in rows)),
    )
    scaling: Part = (
        Column("gain", tuple(NOTHING if r.gain is None else f"{r.gain:.2f}" for r in rows)),
        Column("region", tuple(_region(row) for row in rows), words=True),
    )
    work: Part = (
        Column("samples", tuple(_whole(row.samples) for row in rows)),
        Column("gradients", tuple(_whole(row.gradient_computations) for row in rows)),
    )
    chosen: Part = (
        Column("trial", tuple(figure(row.trial) for row in rows)),
        Column("setting", tuple(settings(r.setting or {}) or NOTHING for r in rows), words=True),
    )
    parts = [counts, scaling, work, chosen]
    return left, [part for part in parts if not all(column.is_empty for column in part)]


def sentence(curve: Curve, target: float, measure: Measure) -> str:
    """What a method's table says."""
    reached = curve.reached
    missed = [row.batch_size for row in curve.rows if row.steps is None]
    goal = f"a {measure.value} of {target:g}"
    if not reached:
        return f"{safe(curve.method)}: {goal} is reached at no batch size"
    said = []
    if len(reached) > 1:
        said += _regions(reached)
    if missed:
        said.append(f"not reached at {_listed(missed)}")
    said += [_critical(curve.critical, reached)] if curve.critical else []
    return f"{safe(curve.method)}: " + "; ".join(said or [f"reached at {_sizes(reached)} alone"])


def notes(curve: Curve, asked: int) -> Iterator[str]:
    """What to bear in mind."""
    for row in curve.rows:
        where = f"{safe(row.method)} at {row.batch_size}"
        if row.steps is None:
            best = "" if row.best is None else f"; the best was {figure(row.best)}"
            yield f"{where}: no trial reaches the target within {row.most_steps} steps{best}"
        if row.at_most:
            yield (
                f"{where}: the target is reached in the first epoch that is judged, so its steps "
                "are an upper bound: choose a harder --target"
            )
        if row.reached == 1 < row.trials:
            yield f"{where}: one trial alone reaches the target: others may be sooner"
        if row.trials < asked:
            yield f"{where}: {row.trials} of {asked} trials were run: the same command goes on"
        for edge in row.edges:
            yield f"{where}: {edge}"


def _regions(reached: Sequence[Row]) -> list[str]:
    first, *others = reached
    perfect = [row for row in others if row.region == "perfect scaling"]
    less = [row for row in others if row.region == "diminishing returns"]
    none = [row for row in others if row.region == "no gain"]
    said = []
    if perfect:
        said.append(f"perfect scaling from {first.batch_size} to {perfect[-1].batch_size}")
    said += [f"diminishing returns up to {less[-1].batch_size}"] if less else []
    before = reached[len(reached) - len(none) - 1].batch_size
    return said + ([f"no gain beyond {before}"] if none else [])


def _critical(found: Critical, reached: Sequence[Row]) -> str:
    """B_crit, as far as it lies among what was tried."""
    low, high = reached[0].batch_size, reached[-1].batch_size
    if found.error > FAR:
        return (
            "no critical batch size, as S_min + E_min / B differs from the steps by up to "
            f"{found.error:.0%}"
        )
    size = found.batch_size
    if found.samples == 0 or (size is not None and size < low):
        return f"critical batch size below {low}"
    if size is None or size > high:
        return f"critical batch size above {high}"
    return f"critical batch size about {figure(float(f'{size:.2g}'))}"


def _number(row: Row, value: float | None) -> str:
    if value is None:
        return NOTHING
    text = f"{value:.2f}" if value == row.epochs_to_target else _whole(value)
    return f"<= {text}" if row.at_most else text


def _folds(row: Row) -> str:
    """The range of the folds' own steps; a plus where some do not get there."""
    known = [steps for steps in row.steps_of_folds if steps is not None]
    if len(row.steps_of_folds) < 2 or not known:
        return NOTHING
    more = f" ({len(known)} of {len(row.steps_of_folds)})"
    ends = f"{_whole(min(known))} .. {_whole(max(known))}"
    return ends + more * (len(known) < len(row.steps_of_folds))


def _region(row: Row) -> str:
    return row.region or ("not reached" if row.steps is None else NOTHING)


def _whole(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _sizes(rows: Sequence[Row]) -> str:
    return _listed([row.batch_size for row in rows])


def _listed(sizes: Sequence[int]) -> str:
    *most, last = map(str, sizes)
    return f"{', '.join(most)} and {last}" if most else last
