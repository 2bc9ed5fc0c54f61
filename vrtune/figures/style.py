"""How all figures look: the same colour, dash and mark for a method in each of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

import plotly.graph_objects as go

from vrtune.display.figures import safe
from vrtune.display.measures import Measure

# Okabe and Ito (2008): told apart by colour-blind readers, on white and on black
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7A7A7A")
DASHES = ("solid", "dash", "dot", "dashdot")
MARKS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "triangle-down")
GREY = "#808080"
GRID = "rgba(128,128,128,.25)"
HEIGHT_PX = 380
DECADES = 1.2  # data that span more go on a log axis
FAR = 10  # times as far from the best as the middle: what is worse is not told apart
TINY = 1e-300  # what plotly draws no shorter axis than
LONGEST = 30  # characters of a name in a legend
NARROW_PX = 400  # the narrowest page that a figure is made for
LETTER_PX, ENTRY_PX, LINE_PX = 6.6, 46, 19  # of a legend: a letter, what is beside a name, a line


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


def is_wide(values: Iterable[float], decades: float = DECADES) -> bool:
    """Whether positive values span so much that a log axis shows them better."""
    known = [v for v in values if math.isfinite(v)]
    return bool(known) and min(known) > 0 and _decades(known) > decades


def band(
    figure: go.Figure,
    x: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    colour: str,
    group: str,
    opacity: float = 0.18,
) -> None:
    """Adds the area between two curves, shown and hidden together with the line of its group."""
    figure.add_trace(
        go.Scatter(
            x=[*x, *reversed(x)],
            y=[*high, *reversed(low)],
            fill="toself",
            fillcolor=pale(colour, opacity),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            legendgroup=group,
        )
    )


def plain(text: object) -> str:
    """A text of others as plotly shows it letter by letter: no HTML, no template, no formula.

    Quotes stay: plotly does not know their names.
    """
    return escape(safe(text), quote=False).replace("%", "&#37;").replace("$", "&#36;")


def short(text: object, most: int = LONGEST) -> str:
    """A text of others without its middle if it is long: names often differ in their ends."""
    whole = safe(text)
    head, tail = (most - 1) // 2, most // 2
    return whole if len(whole) <= most else f"{whole[:head]}…{whole[-tail:]}"


def entry(
    figure: go.Figure,
    name: str,
    group: str,
    *,
    note: str = "",
    longest: int = LONGEST,
    **look: Any,
) -> None:
    """Adds an entry to the legend for the traces of a group, which need none of their own; a note
    gets a line below the name."""
    said = plain(short(name, longest)) + f"<br>{plain(note)}" * bool(note)
    figure.add_trace(go.Scatter(x=[None], y=[None], name=said, legendgroup=group, **look))


def loss_axis(values: Iterable[float], decades: float = DECADES) -> dict[str, Any]:
    """Of losses: a log axis where they span much, each tick written out."""
    known = [v for v in values if math.isfinite(v)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if is_wide(known, decades):
        return {"tickformat": "~g", **_log_axis(known)}
    return {"tickformat": "~g", **({"range": [low - 1, high + 1]} if 0 < high - low < TINY else {})}


def value_axis(
    values: Iterable[float], measure: Measure, decades: float = DECADES
) -> dict[str, Any]:
    """Of what a study is judged by: of losses as above; what is maximised begins where it is of
    use."""
    known = list(values)
    if measure.direction == "minimize":
        return loss_axis(known, decades)
    low = floor(known, measure)
    high = max((v for v in known if math.isfinite(v)), default=1.0)
    room = 0 if low is None else 0.05 * (high - low)
    return (
        loss_axis(known, math.inf)
        if low is None
        else {"tickformat": "~g", "range": [low - room, high + room]}
    )


def floor(values: Iterable[float], measure: Measure) -> float | None:
    """The value below which what is maximised is too bad to be told apart, such as an r2 of -1000;
    None where nothing lies below it."""
    known = sorted(v for v in values if math.isfinite(v))
    if measure.direction == "minimize" or not known:
        return None
    low, high = known[0], known[-1]
    reach = max(2 * abs(high), FAR * (high - known[len(known) // 2]))
    return high - reach if 0 < reach < high - low else None


def below(values: Iterable[float], measure: Measure) -> str:
    """What is said of a figure whose axis begins there."""
    low = floor(values, measure)
    return "" if low is None else f" Values below {low:.3g} are not shown."


def cost_axis(values: Iterable[float] = (), *, log: bool = False) -> dict[str, Any]:
    """Of gradient computations (20k, 1.5M), from 0 on or on a log axis."""
    return {"tickformat": "~s", **(_log_axis(list(values)) if log else {"rangemode": "tozero"})}


def _decades(values: Sequence[float]) -> float:
    return math.log10(max(values)) - math.log10(min(values))


def _log_axis(values: Sequence[float]) -> dict[str, Any]:
    """With ticks at 1, 2 and 5 where there is room for them."""
    decades = _decades(values)
    return {"type": "log", **({"dtick": "D2"} if decades < 3.5 else {})}


def epoch_axis(last: float) -> dict[str, Any]:
    """Of epochs: no ticks between them."""
    return {"dtick": 1, "tick0": 0} if last <= 10 else {"tickformat": "~s"}


def make_room(figure: go.Figure) -> go.Figure:
    """Adds the height that the legend takes on a narrow page, so that the axes keep theirs."""
    entries = [trace for trace in figure.data if trace.showlegend is not False]
    names = [(trace.name or "").split("<br>") for trace in entries]
    longest = max((len(unescape(line)) for name in names for line in name), default=0)
    columns = max(1, int((NARROW_PX - 76) // (longest * LETTER_PX + ENTRY_PX)))
    rows = [names[i : i + columns] for i in range(0, len(names), columns)]
    lines = sum(max(map(len, row)) for row in rows) + bool(figure.layout.legend.title.text)
    return figure.update_layout(height=figure.layout.height + LINE_PX * max(0, lines - 1))
