"""Stacked bars, one a method in its colour, with its name and a figure above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from vrtune.figures.style import GREY, axes, look, make_room, pale, plain, short

ROW_PX, BESIDE_PX = 58, 96
THICK, THIN = 0.42, 0.1  # of a row
LONGEST = 26  # characters of a method's name


@dataclass(frozen=True)
class Part:
    """Of a bar: its look, in whatever colour."""

    name: str
    opacity: float = 1.0
    pattern: str = ""  # of plotly: / x . -
    beneath: bool = False  # a thin bar of its own under the others, no part of their sum


def headed(label: str, said: str) -> str:
    """The text above a bar."""
    return f"<b>{plain(short(label, LONGEST))}</b>: {plain(said)}"


def stacked(
    parts: Sequence[Part],
    rows: Sequence[Sequence[float]],
    heads: Sequence[str],
    title: str,
    said: Callable[[float], str],
    places: Sequence[int] | None = None,
) -> go.Figure:
    """A row of values a method, in the order of `parts`; parts that none has are left out;
    `places` are those of the methods among all, which give them their colours."""
    figure = axes(title, "", height=BESIDE_PX + ROW_PX * len(rows))
    colours = [look(place).colour for place in places or range(len(rows))]
    base = [0.0] * len(rows)
    for i, part in enumerate(parts):
        values = [row[i] for row in rows]
        if not any(values):
            continue
        figure.add_bar(
            x=values,
            y=[place + (0.32 if part.beneath else 0.0) for place in range(len(rows))],
            base=[0.0] * len(rows) if part.beneath else base,
            width=THIN if part.beneath else THICK,
            orientation="h",
            marker=_marker([pale(colour, part.opacity) for colour in colours], colours, part),
            hovertext=[
                f"{head}<br>{part.name}: {plain(said(value))}"
                for head, value in zip(heads, values, strict=True)
            ],
            hovertemplate="%{hovertext}<extra></extra>",  # plotly's own x is the end of a part
            legendgroup=part.name,
            showlegend=False,
        )
        figure.add_bar(
            x=[None],
            y=[None],
            name=part.name,
            legendgroup=part.name,
            marker=_marker([pale(GREY, part.opacity)], [GREY], part),
        )
        if not part.beneath:
            base = [start + value for start, value in zip(base, values, strict=True)]
    figure.add_scatter(
        x=[0.0] * len(rows),
        y=[place - 0.38 for place in range(len(rows))],
        text=list(heads),
        mode="text",
        textposition="middle right",
        hoverinfo="skip",
        showlegend=False,
        cliponaxis=False,
    )
    figure.update_layout(barmode="overlay", margin={"l": 12}, legend={"traceorder": "normal"})
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(range=[len(rows) - 0.45, -0.62], visible=False)
    return make_room(figure)


def _marker(fill: Sequence[str], line: Sequence[str], part: Part) -> dict[str, object]:
    around = {"color": list(line), "width": 1}
    if not part.pattern:
        return {"color": list(fill), "line": around}
    pattern = {"shape": part.pattern, "fillmode": "replace", "bgcolor": list(fill)}
    return {"color": list(line), "line": around, "pattern": {**pattern, "size": 6, "solidity": 0.3}}
