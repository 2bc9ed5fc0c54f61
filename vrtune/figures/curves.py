"""Curves of several methods in one pair of axes, drawn so that none hides another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from scipy.optimize import isotonic_regression

from vrtune.figures.style import band, entry, look, plain, short

MARKED = 6  # about so many points of a curve have a mark
APART = 0.03  # of the width of the axis, between marks that would hide each other
LONGEST = 32  # characters of a name in the legend: a phone shows no more
WIDEST, FINEST = 3.5, 1.6  # of lines: the first lies below all others, and is seen beside them
Values = Sequence[float | None]


@dataclass(frozen=True)
class Way:
    """A method's values over x, and the range that they lie in; None where there are none."""

    place: int  # of the method among those that are compared
    label: str
    x: Sequence[float]
    mean: Values
    low: Values
    high: Values
    note: str = ""  # on the method, for the legend
    shape: Literal["linear", "hv"] = "linear"  # hv: a value holds until the next

    @property
    def group(self) -> str:
        """What is shown and hidden together."""
        return f"{self.place}"


def draw_bands(figure: go.Figure, ways: Sequence[Way]) -> None:
    """What lies between low and high, where both are known of two neighbours."""
    opacity = 0.18 if len(ways) < 5 else 0.09
    for way in ways:
        for piece in _pieces(way):
            x = [way.x[i] for i in piece]
            low, high = ([float(v[i] or 0) for i in piece] for v in (way.low, way.high))
            if way.shape == "hv":
                x, low, high = _stairs(x), _held(low), _held(high)
            band(figure, x, low, high, look(way.place).colour, way.group, opacity)


def draw_lines(figure: go.Figure, ways: Sequence[Way]) -> None:
    """Later ones are finer; marks lie above all lines, and each has places of its own."""
    for i, way in enumerate(ways):
        style = look(way.place)
        width = WIDEST - (WIDEST - FINEST) * i / max(1, len(ways) - 1)
        figure.add_trace(
            go.Scatter(
                x=way.x,
                y=way.mean,
                mode="lines",
                line={
                    "color": style.colour,
                    "dash": style.dash,
                    "width": width,
                    "shape": way.shape,
                },
                customdata=[_range(*ends) for ends in zip(way.low, way.high, strict=True)],
                hovertemplate=_hover(way),
                showlegend=False,
                legendgroup=way.group,
            )
        )
    for way in ways:
        marked = _marked(way)
        figure.add_trace(
            go.Scatter(
                x=[way.x[i] for i in marked],
                y=[way.mean[i] for i in marked],
                mode="markers",
                marker=_mark(way, 8),
                hoverinfo="skip",
                showlegend=False,
                legendgroup=way.group,
            )
        )
    for way in ways:
        style = look(way.place)
        line = {"color": style.colour, "dash": style.dash, "width": 2}
        own: dict[str, Any] = {"mode": "lines+markers", "line": line, "marker": _mark(way, 8)}
        entry(figure, way.label, way.group, note=way.note, longest=LONGEST, **own)


def draw_ends(figure: go.Figure, ways: Sequence[Way], *, log: bool = False) -> None:
    """The last value alone, with a bar from low to high; on a log axis or not, side by side."""
    given = [way.x[-1] for way in ways]
    for way, x in zip(ways, apart(given, log=log), strict=True):
        y, low, high = way.mean[-1], way.low[-1], way.high[-1]
        known = y is not None and low is not None and high is not None
        bars = {"array": [high - y], "arrayminus": [y - low]} if known else {}  # type: ignore[operator]
        figure.add_trace(
            go.Scatter(
                x=[x],
                y=[y],
                mode="markers",
                marker=_mark(way, 10),
                error_y={**bars, "color": look(way.place).colour, "width": 5, "thickness": 1.5},
                customdata=[[*_range(low, high), way.x[-1]]],
                hovertemplate=_hover(way).replace("%{x:,}", "%{customdata[1]:,}"),
                showlegend=False,
                legendgroup=way.group,
            )
        )
    for way in ways:
        own: dict[str, Any] = {"mode": "markers", "marker": _mark(way, 10)}
        entry(figure, way.label, way.group, note=way.note, longest=LONGEST, **own)


def apart(places: Sequence[float], *, log: bool = False) -> list[float]:
    """The same places, moved no more than it takes for marks not to hide each other."""
    if not places:
        return []
    at = np.log10(places) if log else np.asarray(places, dtype=float)
    order = np.argsort(at, kind="stable")
    width = float(np.ptp(at)) or 0.1 * abs(float(at[0])) or 1.0
    steps = APART * width * np.arange(len(at))
    moved = np.empty(len(at))
    moved[order] = isotonic_regression(at[order] - steps).x + steps
    return [float(v) for v in (10**moved if log else moved)]


def _mark(way: Way, size: float) -> dict[str, Any]:
    style = look(way.place)
    return {"color": style.colour, "symbol": style.mark, "size": size}


def _range(low: float | None, high: float | None) -> list[str]:
    """For the text on a point."""
    return ["" if low is None or high is None else f"<br>{low:.4g} to {high:.4g}"]


def _hover(way: Way) -> str:
    return (
        f"{plain(short(way.label, 80))}<br>%{{xaxis.title.text}}: %{{x:,}}"
        "<br>%{yaxis.title.text}: %{y:.4g}%{customdata[0]}<extra></extra>"
    )


def _marked(way: Way) -> list[int]:
    """Points with a mark: elsewhere than those of its neighbours; those that are no line."""
    known = [i for i, value in enumerate(way.mean) if value is not None]
    step = max(1, min(2, len(known)), len(known) // MARKED)
    lone = {i for i in known if not {i - 1, i + 1} & set(known)}
    return [i for n, i in enumerate(known) if n % step == way.place % step or i in lone]


def _pieces(way: Way) -> list[list[int]]:
    """Runs of points that have a low and a high, apart from each other."""
    pieces: list[list[int]] = [[]]
    for i, (low, high) in enumerate(zip(way.low, way.high, strict=True)):
        if low is None or high is None:
            pieces.append([])
        else:
            pieces[-1].append(i)
    return [
        piece
        for piece in pieces
        if len(piece) > 1 and any(way.low[i] != way.high[i] for i in piece)
    ]


def _stairs(x: Sequence[float]) -> list[float]:
    """Each place where a step begins, and where it ends."""
    return [x[0], *(v for value in x[1:] for v in (value, value))]


def _held(values: Sequence[float]) -> list[float]:
    """Each value at both ends of its step."""
    return [*(v for value in values[:-1] for v in (value, value)), values[-1]]
