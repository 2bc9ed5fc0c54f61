"""How all figures look: the same colour, dash and mark for a method in each of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

# Okabe and Ito (2008): told apart by colour-blind readers, on white and on black
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7A7A7A")
DASHES = ("solid", "dash", "dot", "dashdot")
MARKS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "triangle-down")
GRID = "rgba(128,128,128,.25)"
HEIGHT_PX = 380
DECADES = 1.2  # data that span more go on a log axis


@dataclass(frozen=True)
class Look:
    """Of a method, by its place among those that are compared."""

    colour: str
    dash: str
    mark: str


def look(place: int) -> Look:
    """Colours first; with the next round of colours another dash."""
    colour, dash = place % len(COLOURS), place // len(COLOURS) % len(DASHES)
    return Look(COLOURS[colour], DASHES[dash], MARKS[place % len(MARKS)])


def pale(colour: str, opacity: float = 0.18) -> str:
    """A #rrggbb colour that lets through what lies behind it: of bands."""
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},{opacity})"


def axes(x: str, y: str, *, height: int = HEIGHT_PX) -> go.Figure:
    """An empty figure with named axes; the page or the paper sets the colour of its text."""
    figure = go.Figure()
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13},
        margin={"l": 64, "r": 12, "t": 12, "b": 52},
        height=height,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "title": None},
        hovermode="closest",
    )
    figure.update_xaxes(title=x, gridcolor=GRID, zeroline=False, automargin=True, linecolor=GRID)
    figure.update_yaxes(title=y, gridcolor=GRID, zeroline=False, automargin=True, linecolor=GRID)
    return figure


def is_wide(values: Iterable[float]) -> bool:
    """Whether positive values span so much that a log axis shows them better."""
    known = [v for v in values if math.isfinite(v)]
    return bool(known) and min(known) > 0 and math.log10(max(known) / min(known)) > DECADES


def band(
    figure: go.Figure,
    x: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    colour: str,
    group: str,
) -> None:
    """Adds the area between two curves, shown and hidden together with the line of its group."""
    figure.add_trace(
        go.Scatter(
            x=[*x, *reversed(x)],
            y=[*high, *reversed(low)],
            fill="toself",
            fillcolor=pale(colour),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            legendgroup=group,
        )
    )
