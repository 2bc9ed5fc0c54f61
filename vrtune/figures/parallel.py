"""Parallel coordinates: each trial a line from parameter to parameter to what it came to.

Drawn of plain lines: plotly's own need several WebGL canvases each, of which a page gets sixteen
in all, and are no vectors in print.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from vrtune.comparing.tried import Tried
from vrtune.comparing.tuned import Tuned
from vrtune.display.measures import LOSS, Measure
from vrtune.figures.importances import leading
from vrtune.figures.panel import Panel
from vrtune.figures.scales import LOSSES, Colours, Parameter, Place, colours, named, place, searched
from vrtune.figures.style import COLOURS, axes, entry, floor, make_room, plain, short

MOST = 5  # parameters, so that a phone has room for their axes
SHADES = 10  # of the lines; those of a shade are one trace
GREY = "rgba(128,128,128,.8)"
AXIS = "rgba(128,128,128,.9)"
STOPPED = {"pruned": "dot", "diverged": "dash"}  # those have no value of their own
TITLES = 40  # characters of names above all axes together, on a phone
TITLE_PX = 3.9  # half of a letter of those


@dataclass(frozen=True)
class Line:
    """A trial: its place on each axis and, if it is complete, its value."""

    trial: int
    state: str
    places: tuple[Place, ...]
    value: float | None


@dataclass(frozen=True)
class Parallel:
    """Of a study; `parameters` are those that are drawn, of all that were searched."""

    study: str
    label: str
    parameters: tuple[Parameter, ...]
    searched: int
    lines: tuple[Line, ...]  # the best last
    choice: int | None  # a trial's number
    measure: Measure = LOSS


def compute(tuned: Tuned) -> Parallel | None:
    """None for one parameter, and without complete trials.

    Args:
        tuned: a study's trials.

    Returns:
        The places of its trials on the axes of up to five parameters: the most important, where
        that is known.
    """
    known = searched(tuned.trials)
    if len(known) < 2 or not tuned.complete:
        return None
    parameters = leading(tuned, known, MOST)
    kept = [t for t in tuned.trials if t.state in STOPPED or t in tuned.complete]
    lines = [_line(trial, parameters) for trial in kept]
    lines.sort(key=lambda line: (line.value is not None, -tuned.measure.cost(line.value or 0.0)))
    choice = tuned.choice.number if tuned.choice else None
    return Parallel(
        tuned.study, tuned.label, tuple(parameters), len(known), tuple(lines), choice, tuned.measure
    )


def draw(data: Parallel) -> list[Panel]:
    """One panel: an axis a parameter, and one of what trials came to."""
    values = [line.value for line in data.lines if line.value is not None]
    scale, last = colours(values, data.measure), len(data.parameters)
    low = floor(values, data.measure)
    ends = min(values) if low is None else low, max(values)
    of_value = Parameter(data.measure.metric, *ends, log=scale.log)
    figure = axes("", "")
    for state, dash in STOPPED.items():
        mine = [line for line in data.lines if line.state == state]
        if mine:
            look = {"color": GREY, "width": 1.2, "dash": dash}
            _add(figure, mine, data, of_value, line=look, legendgroup=state)
            entry(figure, f"{state} ({len(mine)})", state, mode="lines", line=look)
    shades = sample_colorscale(LOSSES, [i / (SHADES - 1) for i in range(SHADES)])
    for shade, mine in _by_shade(data.lines, scale):
        look = {"color": shades[shade], "width": 1.8}
        _add(figure, mine, data, of_value, line=look)
    for chosen in [line for line in data.lines if line.trial == data.choice]:
        look = {"color": COLOURS[2], "width": 4}
        _add(figure, [chosen], data, of_value, line=look, legendgroup="choice")
        entry(figure, f"choice: trial {chosen.trial}", "choice", mode="lines", line=look)
    _draw_axes(figure, [*data.parameters, of_value])
    beside = TITLE_PX * len(short(data.parameters[0].name, TITLES // last))  # of the first name
    figure.update_layout(margin={"l": 12 + beside, "r": 44, "b": 20})
    figure.update_xaxes(range=[-0.1, last + 0.1], visible=False)
    figure.update_yaxes(range=[-0.05, 1.18], visible=False)
    return [
        Panel(
            "parallel",
            f"{data.label}: every trial from setting to {data.measure.metric}",
            _how(data),
            make_room(figure),
            ("trial", "state", *(p.name for p in data.parameters), data.measure.column, "chosen"),
            [
                (line.trial, line.state, *values, line.value, line.trial == data.choice)
                for line in data.lines
                for values in [[p.cell for p in line.places]]
            ],
            study=data.study,
        )
    ]


def _line(trial: Tried, parameters: Sequence[Parameter]) -> Line:
    value = trial.value if trial.state == "complete" else None
    return Line(trial.number, trial.state, tuple(place(trial, p) for p in parameters), value)


def _by_shade(lines: Sequence[Line], scale: Colours) -> list[tuple[int, list[Line]]]:
    """Complete trials that have a colour in common, the worst first."""
    found: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        if line.value is not None:
            found[round(scale.share(line.value) * (SHADES - 1))].append(line)
    return sorted(found.items(), reverse=True)


def _add(
    figure: go.Figure, lines: Sequence[Line], data: Parallel, of_value: Parameter, **look: Any
) -> None:
    """Lines in one trace, with gaps between them and where a trial has no value."""
    x: list[float] = []
    y: list[float | None] = []
    said: list[str] = []
    for line in lines:
        shares = [
            None if where.at is None else parameter.scaled(where.at)
            for parameter, where in zip(data.parameters, line.places, strict=True)
        ]
        shares.append(None if line.value is None else max(0.0, of_value.scaled(line.value)))
        x += [*range(len(shares)), len(shares) - 1]
        y += [*shares, None]
        said += [_said(line, of_value.name)] * (len(shares) + 1)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        marker={"size": 3 + look["line"]["width"], "color": look["line"]["color"]},
        text=said,
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
        **look,
    )


def _said(line: Line, metric: str) -> str:
    came_to = line.state if line.value is None else f"{plain(metric)} {line.value:.4g}"
    return f"trial {line.trial}, {came_to}"


def _draw_axes(figure: go.Figure, parameters: Sequence[Parameter]) -> None:
    """Upright lines with their names above and their ticks beside them."""
    x: list[float] = []
    y: list[float] = []
    texts: list[str] = []
    longest = TITLES // (len(parameters) - 1)
    for i, parameter in enumerate(parameters):
        figure.add_shape(type="line", x0=i, x1=i, y0=0, y1=1, line={"color": AXIS, "width": 1})
        for at, text in zip(*parameter.ticks(5), strict=True):
            x.append(i)
            y.append(parameter.scaled(at))
            texts.append(text)
    figure.add_scatter(
        x=x,
        y=y,
        text=texts,
        mode="markers+text",
        marker={"symbol": "line-ew-open", "size": 7, "color": AXIS},
        textposition="middle right",
        textfont={"size": 11, "shadow": "auto"},
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )
    figure.add_scatter(
        x=list(range(len(parameters))),
        y=[1.05] * len(parameters),
        text=[f"<b>{named(parameter.name, longest)}</b>" for parameter in parameters],
        mode="text",
        textfont={"size": 12},
        textposition="top center",
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )


def _how(data: Parallel) -> str:
    states = Counter(line.state for line in data.lines)
    metric = data.measure.metric
    said = (
        f"A line is a trial: it meets each axis at its value, the last at its {metric}; violet is "
    )
    said += f"the best {metric}, orange the worst"
    stopped = " or ".join(state for state in STOPPED if states[state])
    said += f". Grey ones were {stopped} and have no {metric}" * bool(stopped)
    if len(data.parameters) < data.searched:
        said += (
            f". Of {data.searched} parameters {len(data.parameters)} are drawn, the most "
            "important if known"
        )
    values = [line.value for line in data.lines if line.value is not None]
    low = floor(values, data.measure)
    return said + "." + ("" if low is None else f" Values below {low:.3g} end at the bottom.")
