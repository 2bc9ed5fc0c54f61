"""Trials as the marks of a landscape: where they lie, how they look, what they say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from vrtune.comparing.tried import Tried
from vrtune.display.measures import LOSS, Measure
from vrtune.figures.scales import Parameter, Place, end_value, log_range, named, number, place
from vrtune.figures.style import COLOURS, GREY, plain

ENDED = ("complete", "pruned", "diverged", "failed")
BLUE, RED = COLOURS[0], COLOURS[1]
RING = {"symbol": "circle-open", "size": 17, "color": COLOURS[2], "line": {"width": 2.5}}
SPREAD = 0.3  # of the way to the next choice: trials of one choice lie side by side
GOLDEN = 0.618034


@dataclass(frozen=True)
class Point:
    """A trial that ended, with its place on the axis of each parameter."""

    trial: int
    state: str  # of ENDED; what came to no finite value has diverged or failed
    places: tuple[Place, ...]
    value: float | None  # of a pruned one the last before it was stopped
    epochs: int


@dataclass(frozen=True)
class Landscape:
    """Of a study; `parameters` are those that are drawn, of all that were searched."""

    study: str
    label: str
    parameters: tuple[Parameter, ...]
    searched: int
    points: tuple[Point, ...]
    choice: int | None  # a trial's number
    measure: Measure = LOSS


def point(trial: Tried, parameters: Sequence[Parameter]) -> Point:
    """Where a trial lies; what came to no finite value has diverged, if it hasn't failed."""
    value, state = end_value(trial), trial.state
    if state in ("diverged", "failed"):
        value = None
    elif value is None:
        state = "diverged"
    places = tuple(place(trial, parameter) for parameter in parameters)
    return Point(trial.number, state, places, value, trial.epochs)


def markers() -> dict[str, dict[str, Any]]:
    """By state, in the order in which they are drawn: what matters most lies on top."""
    return {
        "failed": {"symbol": "y-up-open", "size": 9, "color": GREY, "line": {"width": 2}},
        "diverged": {"symbol": "x-thin-open", "size": 9, "color": RED, "line": {"width": 2}},
        "pruned": {"symbol": "circle-open", "size": 9, "color": BLUE, "line": {"width": 2}},
        "complete": {"symbol": "circle", "size": 10, "color": BLUE, "line": {"width": 1}},
    }


def ring(figure: go.Figure, x: Sequence[Any], y: Sequence[Any], chosen: Point) -> None:
    """Adds the mark of the choice."""
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers",
        marker=RING,
        name=f"choice: trial {chosen.trial}",
        hoverinfo="skip",
        cliponaxis=False,
    )


def axis_of(parameter: Parameter) -> dict[str, Any]:
    """An axis that shows the whole range."""
    values, texts = parameter.ticks()
    found: dict[str, Any]
    if parameter.choices:
        found = {"range": [-0.5, len(parameter.choices) - 0.5]}
    elif parameter.log:
        found = {"type": "log", "range": list(log_range([parameter.low, parameter.high], 0.03))}
    else:
        room = 0.03 * parameter.high - 0.03 * parameter.low
        found = {"range": [parameter.low - room, parameter.high + room]}
    return {**found, "tickvals": values, "ticktext": texts}


def at(point: Point, index: int, parameter: Parameter) -> float | None:
    """Its place; of trials with the same choice each a little aside."""
    there = point.places[index].at
    if there is None or not parameter.choices:
        return there
    return there + SPREAD * (2 * math.modf((point.trial + 1) * GOLDEN * (index + 1))[0] - 1)


def counted(state: str, count: int) -> str:
    """A state in the legend."""
    return f"{state} ({count})" if state != "complete" else state


def hover(point: Point, data: Landscape) -> str:
    """What a mark says when it is touched."""
    values = [
        f"{named(p.name)} = {named(_short(v.value), 24)}"
        for p, v in zip(data.parameters, point.places, strict=True)
        if v.at is not None
    ]
    metric = plain(data.measure.metric)
    came_to = point.state if point.value is None else f"{metric} {number(point.value)}"
    head = f"trial {point.trial}, {came_to}" + f", pruned after epoch {point.epochs}" * (
        point.state == "pruned"
    )
    return "<br>".join([head, *values])


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def explained(points: Sequence[Point], data: Landscape) -> str:
    """What the marks mean, behind the sentence that says what is drawn."""
    states, metric = Counter(p.state for p in points), data.measure.metric
    said = f"; open marks are pruned trials at their last {metric}" * bool(states["pruned"])
    said += f"; crosses diverged and have no {metric}" * bool(states["diverged"])
    said += "; the ring is the choice." if data.choice is not None else "."
    hidden, shown = len(data.points) - len(points), len(data.parameters)
    if hidden:
        said += f" Trials without a value are left out: {hidden}."
    if shown < data.searched:
        said += f" Of {data.searched} parameters {shown} are drawn, the most important if known."
    return said


def table(
    points: Sequence[Point], indices: Sequence[int], data: Landscape
) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Columns and rows."""
    names = [data.parameters[i].name for i in indices]
    rows = [
        [p.trial, p.state, *values, p.value, p.epochs, p.trial == data.choice]
        for p in points
        for values in [[p.places[i].cell for i in indices]]
    ]
    return ("trial", "state", *names, data.measure.column, "epochs", "chosen"), rows
