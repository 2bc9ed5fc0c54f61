"""What trials came to over the searched parameters: all of them, and which was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from vrtune.comparing.tuned import Tuned
from vrtune.figures.importances import leading
from vrtune.figures.panel import Panel
from vrtune.figures.points import (
    ENDED,
    Landscape,
    Point,
    at,
    axis_of,
    counted,
    explained,
    hover,
    markers,
    point,
    ring,
    table,
)
from vrtune.figures.scales import Colours, colours, named, searched
from vrtune.figures.style import GREY, axes, below, entry, make_room, value_axis
from vrtune.given.names import folder_name

LONGEST = 24  # characters of a name along an axis
MOST = 4  # parameters, which make six pairs
STRIP = (0.92, 1.0)  # of the height: what has no value


def compute(tuned: Tuned) -> Landscape | None:
    """None for a study without complete trials, or where nothing was searched.

    Args:
        tuned: a study's trials.

    Returns:
        All trials that ended, and their places on the axes of up to four parameters: the most
        important, where that is known.
    """
    known = searched(tuned.trials)
    if not known or not tuned.complete:
        return None
    parameters = leading(tuned, known, MOST)
    points = [point(trial, parameters) for trial in tuned.trials if trial.state in ENDED]
    choice = tuned.choice.number if tuned.choice else None
    return Landscape(
        tuned.study,
        tuned.label,
        tuple(parameters),
        len(known),
        tuple(points),
        choice,
        tuned.measure,
    )


def draw(data: Landscape) -> list[Panel]:
    """Values over the one parameter; of more a panel a pair, in which the value is a colour."""
    if len(data.parameters) == 1:
        return [_curve(data)]
    pairs = combinations(range(len(data.parameters)), 2)
    return [panel for first, second in pairs if (panel := _pair(data, first, second))]


# ---- one parameter -----------------------------------------------------------------------------


def _curve(data: Landscape) -> Panel:
    (parameter,) = data.parameters
    points = [p for p in data.points if p.places[0].at is not None]
    figure = axes(named(parameter.name, LONGEST), data.measure.value)
    figure.update_xaxes(**axis_of(parameter))
    values = [p.value for p in points if p.value is not None]
    figure.update_yaxes(**value_axis(values, data.measure))
    lost = [p for p in points if p.value is None]
    if lost:
        figure.update_layout(
            yaxis={"domain": [0, STRIP[0] - 0.02]},
            yaxis2={
                "domain": STRIP,
                "range": [0, 1],
                "anchor": "x",
                "showgrid": False,
                "zeroline": False,
                "tickvals": [0.5],
                "ticktext": [f"no {data.measure.metric}"],
            },
        )
    for state, marker in markers().items():
        mine = [p for p in points if p.state == state]
        if not mine:
            continue
        above = state in ("diverged", "failed")
        figure.add_scatter(
            x=[at(p, 0, parameter) for p in mine],
            y=[0.5 if above else p.value for p in mine],
            yaxis="y2" if above else "y",
            mode="markers",
            marker=marker,
            name=counted(state, len(mine)),
            text=[hover(p, data) for p in mine],
            hovertemplate="%{text}<extra></extra>",
            cliponaxis=False,
        )
    for chosen in [p for p in points if p.trial == data.choice]:
        x, y = [at(chosen, 0, parameter)], [chosen.value]
        ring(figure, x, y, chosen)
    good, metric = data.measure.good, data.measure.metric
    how = (
        f"Each mark is a trial at its {parameter.name}; {good} is good. The axis is the whole range"
    )
    how += explained(points, data) + below(values, data.measure)
    name, title = "landscape", f"{data.label}: {metric} over {parameter.name}"
    return Panel(name, title, how, make_room(figure), *table(points, [0], data), study=data.study)


# ---- two parameters ----------------------------------------------------------------------------


def _pair(data: Landscape, first: int, second: int) -> Panel | None:
    """None where no complete trial has both."""
    x, y = data.parameters[first], data.parameters[second]
    points = [p for p in data.points if None not in (p.places[first].at, p.places[second].at)]
    if not any(p.state == "complete" and p.value is not None for p in points):
        return None
    scale = colours([p.value for p in points if p.value is not None], data.measure)
    figure = axes(named(x.name, LONGEST), named(y.name, LONGEST))
    figure.update_xaxes(**axis_of(x))
    figure.update_yaxes(**axis_of(y))
    figure.update_layout(coloraxis=scale.axis())
    for state, marker in markers().items():
        # the best lie on top
        mine = [p for p in points if p.state == state]
        mine.sort(key=lambda p: -data.measure.cost(p.value or 0.0))
        if not mine:
            continue
        figure.add_scatter(
            x=[at(p, first, x) for p in mine],
            y=[at(p, second, y) for p in mine],
            mode="markers",
            marker=marker | _coloured(mine, scale, marker),
            text=[hover(p, data) for p in mine],
            hovertemplate="%{text}<extra></extra>",
            cliponaxis=False,
            showlegend=False,
            legendgroup=state,
        )
        grey = marker | {"color": GREY}
        entry(figure, counted(state, len(mine)), state, mode="markers", marker=grey)
    for chosen in [p for p in points if p.trial == data.choice]:
        ring(figure, [at(chosen, first, x)], [at(chosen, second, y)], chosen)
    how = f"Each mark is a trial at its {x.name} and {y.name}; its colour says the "
    how += f"{data.measure.metric}, violet is "
    how += f"best{', on a log scale' * scale.log}. "
    how += "The axes are the whole ranges" + explained(points, data)
    if len({(p.places[first].at, p.places[second].at) for p in points}) < len(points):
        how += " Of trials in one place the best lies on top."
    return Panel(
        f"landscape-{folder_name(x.name)}-{folder_name(y.name)}",
        f"{data.label}: {data.measure.metric} over {x.name} and {y.name}",
        how,
        make_room(figure),
        *table(points, [first, second], data),
        study=data.study,
    )


def _coloured(points: Sequence[Point], scale: Colours, marker: dict[str, Any]) -> dict[str, Any]:
    values = [p.value for p in points if p.value is not None]
    if not values:
        return {"color": GREY}
    line = marker.get("line", {}) | ({} if "open" in marker["symbol"] else {"color": GREY})
    return {"color": [scale.at(value) for value in values], "coloraxis": "coloraxis", "line": line}
