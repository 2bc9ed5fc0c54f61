"""The chosen settings in training: losses and scores over gradient computations and epochs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vrtune.comparing.tuned import Tuned
from vrtune.display.measures import Direction, Measure
from vrtune.figures.curves import Way, draw_bands, draw_ends, draw_lines
from vrtune.figures.panel import Panel
from vrtune.figures.style import axes, below, cost_axis, epoch_axis, is_wide, make_room, value_axis
from vrtune.given.names import folder_name
from vrtune.studies.retrained import Retrained, Spread

Name = str  # train loss, validation loss, test loss, test accuracy; or of another metric
Over = Literal["gradients", "epochs"]
AXES: dict[Over, str] = {"gradients": "gradient computations of a training", "epochs": "epoch"}
TITLES: dict[Over, str] = {"gradients": "gradient computations", "epochs": "epochs"}
COLUMNS = (
    *("method", "study", "epoch", "gradient_computations", "mean", "min", "max"),
    *("trainings", "diverged"),
)
Values = Sequence[Sequence[float | None]]  # [seed or fold][epoch]


@dataclass(frozen=True)
class Line:
    """What a method's trainings show over epochs; None where all of them have diverged."""

    place: int  # of the method among those that are compared
    label: str
    study: str
    epochs: tuple[int, ...]
    costs: tuple[float, ...]  # gradient computations of one training by then
    mean: tuple[float | None, ...]  # of those that are finite
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    of: int  # trainings
    diverged: int = 0  # of them
    whole: bool = True  # False: one epoch alone is known
    direction: Direction = "minimize"  # which values are better


Training = Mapping[Name, Sequence[Line]]
PARTS = ("train", "validation", "test")  # in the order in which they are read


def compute(tuned: Sequence[Tuned]) -> Training | None:
    """The lines of each measure that is known of a method at least; None where nothing is."""
    found: dict[Name, list[Line]] = {}
    for place, each in enumerate(tuned):
        for name, line in _lines(place, each):
            found.setdefault(name, []).append(line)
    return {name: found[name] for name in sorted(found, key=_order)} or None


def _order(name: Name) -> tuple[int, bool]:
    """Losses before scores."""
    part, _, of = name.partition(" ")
    return PARTS.index(part), of != "loss"


def draw(data: Training) -> list[Panel]:
    """Of each measure a panel over gradient computations, and one over epochs."""
    overs: list[Over] = ["gradients", "epochs"]
    return [_panel(name, lines, over) for name, lines in data.items() for over in overs]


# ---- data --------------------------------------------------------------------------------------


def _lines(place: int, tuned: Tuned) -> Iterator[tuple[Name, Line]]:
    who, by = (place, tuned.label, tuned.study), tuned.measure
    if tuned.choice and tuned.choice.values:
        values, parts = tuned.choice.values, tuned.task.parts
        epochs = sorted(values)
        rows = [
            [values[e][i] if i < len(values[e]) else None for e in epochs] for i in range(parts)
        ]
        costs = [tuned.choice.costs.get(e, 0.0) / parts for e in epochs]
        known = [row for row in rows if any(v is not None for v in row)]
        yield by.value, replace(_line(who, epochs, costs, known), direction=by.direction)
    if again := tuned.again:
        epochs, costs = _course(again)
        if any(again.train_losses):
            yield "train loss", _line(who, epochs, costs, again.train_losses)
        if again.test_loss.values:
            yield "test loss", _judged(who, again, again.test_losses, again.test_loss)
        if (score := again.test_score) and score.values:
            curves = again.test_accuracies if again.score == "accuracy" else again.test_scores
            line = _judged(who, again, curves, score)
            yield f"test {again.score}", replace(line, direction=by.score_direction)


def _course(again: Retrained) -> tuple[list[int], list[float]]:
    """The epochs of a retraining, and what one training had spent by then; an older vrtune kept
    the sum alone, which is spread evenly."""
    last = max(map(len, again.train_losses), default=0) or 1
    epochs = list(range(1, last + 1))
    if again.costs and len(again.costs) == last:
        return epochs, again.costs
    whole = again.gradient_computations / max(1, again.seeds)
    return epochs, [whole * epoch / last for epoch in epochs]


def _judged(
    who: tuple[int, str, str], again: Retrained, curves: Values | None, end: Spread
) -> Line:
    """On test data: after every epoch, or at the end alone."""
    epochs, costs = _course(again)
    if curves and any(curves):
        return _line(who, epochs, costs, curves)
    return _line(who, epochs[-1:], costs[-1:], [[value] for value in end.values], whole=False)


def _line(
    who: tuple[int, str, str],
    epochs: Sequence[int],
    costs: Sequence[float],
    values: Values,
    whole: bool = True,  # False: the end alone is known
) -> Line:
    columns = [[_finite(row[i]) for row in values if i < len(row)] for i in range(len(epochs))]
    known = [[value for value in column if value is not None] for column in columns]
    last = [_finite(row[-1]) if len(row) >= len(epochs) else None for row in values]
    return Line(
        *who,
        epochs=tuple(epochs),
        costs=tuple(costs),
        mean=tuple(_finite(_mean(column)) for column in known),
        low=tuple(min(column, default=None) for column in known),
        high=tuple(max(column, default=None) for column in known),
        of=len(values),
        diverged=last.count(None),
        whole=whole and len(epochs) > 1,
    )


def _mean(known: Sequence[float]) -> float | None:
    return sum(known) / len(known) if known else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


# ---- what is drawn -----------------------------------------------------------------------------


def _panel(name: Name, lines: Sequence[Line], over: Over) -> Panel:
    figure = axes(AXES[over], name)
    ways = [_way(line, name, over) for line in lines]
    curves = [way for way, line in zip(ways, lines, strict=True) if line.whole]
    ends = [way for way, line in zip(ways, lines, strict=True) if not line.whole]
    xs = [x for way in ways for x in way.x]
    wide = over == "gradients" and min(xs) > 0 and is_wide(way.x[-1] for way in ways)
    draw_bands(figure, curves)
    draw_lines(figure, curves)
    draw_ends(figure, ends, log=wide)
    values = [v for way in ways for v in (*way.mean, *way.low, *way.high) if v is not None]
    own = epoch_axis(max(xs)) if over == "epochs" else cost_axis(xs, log=wide)
    figure.update_xaxes(**own)
    by = Measure(direction=lines[0].direction)
    figure.update_yaxes(**({} if name == "test accuracy" else value_axis(values, by)))
    return Panel(
        name=f"{folder_name(name.replace(' ', '-'))}-over-{over}",
        title=f"{name[0].upper()}{name[1:]} over {TITLES[over]}",
        how=_how(name, lines) + below(values, by),
        figure=make_room(figure),
        columns=COLUMNS,
        rows=[
            (line.label, line.study, *values, line.of, line.diverged)
            for line in lines
            for values in zip(line.epochs, line.costs, line.mean, line.low, line.high, strict=True)
        ],
    )


def _way(line: Line, name: Name, over: Over) -> Way:
    unit = "fold" if name.startswith("validation ") else "seed"
    of = f"{line.of} {unit}{'s' * (line.of > 1)}"
    note = "" if not line.diverged else f"{line.diverged} of {of} diverged"
    x = line.costs if over == "gradients" else line.epochs
    return Way(line.place, line.label, x, line.mean, line.low, line.high, note)


def _how(name: Name, lines: Sequence[Line]) -> str:
    """How to read a panel."""
    part = name.partition(" ")[0]
    parts = "folds" if part == "validation" else "seeds"
    whose = {
        "train": "of the chosen settings, trained again on the whole training set",
        "validation": "of the chosen settings in cross-validation",
        "test": "of the chosen settings, trained again and then judged on test data",
    }[part]
    whole, ends = any(line.whole for line in lines), any(not line.whole for line in lines)
    what = " and ".join(["lines"] * whole + ["single marks (one epoch alone is known)"] * ends)
    around = " and ".join(["bands"] * whole + ["bars"] * ends)
    said = f"{name[0].upper()}{name[1:]} {whose}: {what} are means over {parts}, "
    said += f"{around} reach from the least to the most."
    if any(line.diverged for line in lines):
        said += " What has diverged is left out of them; the legend says how many did."
    return said
