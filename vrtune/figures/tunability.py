"""What tuning brings: the best validation loss, or other metric, after so many trials, or work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from vrtune.comparing.tunability import Budgeted, Over, tunability
from vrtune.comparing.tuned import Tuned
from vrtune.display.measures import Measure
from vrtune.figures.curves import Way, draw_bands, draw_lines
from vrtune.figures.panel import Panel
from vrtune.figures.style import (
    axes,
    below,
    cost_axis,
    epoch_axis,
    is_wide,
    make_room,
    short,
    value_axis,
)

NAMES: dict[Over, str] = {"gradient computations": "gradients", "trials": "trials"}
LOSS_DECADES = 0.5  # losses that span more go on a log axis: they begin high and end close together
LONGEST = 19  # characters of a name that has the kind of its curve behind it
HOW = {  # {}: loss, accuracy, ...
    "expected": "Lines are the mean of the best {} that so much random search would find, and "
    "bands hold 90 % of what it would find",
    "best so far": "Steps are the best {} so far of a search whose trials learn from each other, "
    "which is one draw and no expectation",
    "repeats": " (where searches differ in their seed alone: their mean, and a band from the least "
    "to the most)",
}
COLUMNS = (
    *("method", "studies", "curve", "trials", "gradient_computations"),
    *("mean", "low", "high", "note"),
)


@dataclass(frozen=True)
class Curve:
    """A method's curve; its place is the first of its studies' among those that are compared."""

    place: int
    of: Budgeted


def compute(tuned: Sequence[Tuned]) -> list[Curve] | None:
    """The curves of all methods; None where no trial was completed."""
    places = {each.study: place for place, each in enumerate(tuned)}
    curves = [
        Curve(min(places[study] for study in curve.studies), curve)
        for curve in tunability(tuned)
        if any(value is not None for value in curve.mean)
    ]
    return sorted(curves, key=lambda curve: curve.place) or None


def draw(data: Sequence[Curve]) -> list[Panel]:
    """A panel over gradient computations and one over trials, for each measure."""
    measures = dict.fromkeys(curve.of.measure for curve in data)
    return [
        _panel(curves, over)
        for over in NAMES
        for measure in measures
        if (curves := [c for c in data if (c.of.over, c.of.measure) == (over, measure)])
    ]


def _panel(curves: Sequence[Curve], over: Over) -> Panel:
    work = over == "gradient computations"
    figure = axes(f"{over} of the search" if work else over, f"best {curves[0].of.measure}")
    kinds = {curve.of.how for curve in curves}
    ways = [_way(curve, mixed=len(kinds) > 1) for curve in curves]
    draw_bands(figure, ways)
    draw_lines(figure, ways)
    x = [x for way in ways for x in way.x]
    figure.update_xaxes(**(cost_axis(x, log=is_wide(x)) if work else epoch_axis(max(x))))
    known = [v for way in ways for v in (*way.mean, *way.low, *way.high) if v is not None]
    by = Measure(direction=curves[0].of.direction)
    figure.update_yaxes(**value_axis(known, by, LOSS_DECADES))
    if len(kinds) == 1:
        title = {"text": next(iter(kinds)), "side": "top"}
        figure.update_layout(legend={"title": title})
    return Panel(
        name=f"tunability-over-{NAMES[over]}",
        title=f"What tuning brings, over {over}",
        how=_how([curve.of for curve in curves]) + below(known, by),
        figure=make_room(figure),
        columns=COLUMNS,
        rows=list(_rows(curves)),
    )


def _way(curve: Curve, mixed: bool) -> Way:
    of = curve.of
    label = f"{short(of.label, LONGEST)}, {of.how}" if mixed else of.label
    way = Way(curve.place, label, of.x, of.mean, of.low, of.high)
    return way if of.how == "expected" else replace(way, shape="hv")


def _how(curves: Sequence[Budgeted]) -> str:
    kinds = {curve.how for curve in curves}
    metric = curves[0].measure.removeprefix("validation ")
    said = [HOW[kind].format(metric) for kind in ("expected", "best so far") if kind in kinds]
    if any(curve.how == "best so far" and len(curve.studies) > 1 for curve in curves):
        said[-1] += HOW["repeats"]
    return "; ".join(said).replace("; Steps", "; steps") + ". Confirming is not counted."


def _rows(curves: Sequence[Curve]) -> Iterator[tuple[object, ...]]:
    for of in (curve.of for curve in curves):
        for x, *values in zip(of.x, of.mean, of.low, of.high, strict=True):
            spent = (x, None) if of.over == "trials" else (None, x)
            yield of.label, " ".join(of.studies), of.how, *spent, *values, of.note
