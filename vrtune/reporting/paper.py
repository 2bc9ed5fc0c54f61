"""Figures for a paper: as wide as a column, with letters and lines right for that width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from vrtune.figures.style import HEIGHT_PX

PX_PER_CM = 96 / 2.54  # as browsers count
PX_PER_PT = 96 / 72
SCREEN_PT = 13  # pixels of a figure's letters on the page, which all other sizes go with
BLACK = "#000000"
FAMILY = "Helvetica, Arial, 'Liberation Sans', sans-serif"
FLAT = 0.8  # height of a figure by that on the page
WIDE = 0.45  # height of a wide figure by its width, at least
SIZES = ("size", "width", "thickness", "standoff", "ticklen", "xpad", "ypad", "borderwidth")


@dataclass(frozen=True)
class Paper:
    """A column of a paper: its width in centimetres, and its letters in points."""

    width_cm: float = 8.5
    font_pt: float = 8.0

    @property
    def width(self) -> float:
        """In pixels of the web."""
        return self.width_cm * PX_PER_CM

    @property
    def font(self) -> float:
        """Likewise."""
        return self.font_pt * PX_PER_PT


def on_paper(figure: go.Figure, paper: Paper) -> dict[str, Any]:
    """A figure as a paper wants it: black on white, all sizes by those of the letters."""
    scale = paper.font / SCREEN_PT
    drawn = figure.to_plotly_json()
    data = [_scaled(trace, scale) | _kept(trace) for trace in drawn.get("data", ())]
    layout = _scaled(drawn.get("layout", {}), scale)
    layout |= {
        "template": _template(scale),
        "font": {"family": FAMILY, "size": paper.font, "color": BLACK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "width": round(paper.width),
        "height": round(_height(layout.get("height") or HEIGHT_PX, scale, paper.width)),
    }
    return {"data": data, "layout": layout}


def _height(screen: float, scale: float, width: float) -> float:
    """Flatter than on the page; the room that more lines of a legend need there stays as it is."""
    axes, more = min(screen, HEIGHT_PX), max(0.0, screen - HEIGHT_PX)
    flat = FLAT * axes * scale
    return max(flat, WIDE * width if axes == HEIGHT_PX else 0.0) + more * scale


def _kept(trace: dict[str, Any]) -> dict[str, Any]:
    """The width of bars is one along the axis."""
    return {"width": trace["width"]} if trace.get("type") == "bar" and "width" in trace else {}


def _template(scale: float) -> dict[str, Any]:
    """What a figure leaves to Plotly, in sizes for a paper."""
    title = {"font": {"size": SCREEN_PT * scale}, "standoff": 6 * scale}
    axis = {"gridwidth": scale, "linewidth": scale, "ticklen": 4 * scale, "title": title}
    return {
        "data": {"scatter": [{"line": {"width": 2 * scale}, "marker": {"size": 6 * scale}}]},
        "layout": {
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"tracegroupgap": 2 * scale},
            "coloraxis": {"colorbar": {"title": {"font": title["font"]}}},
        },
    }


def _scaled(given: Any, scale: float, name: str = "") -> Any:
    """The same with all sizes, widths and margins scaled; they are in pixels of the page."""
    if isinstance(given, dict):
        return {
            key: _margin(value, scale) if key == "margin" else _scaled(value, scale, key)
            for key, value in given.items()
        }
    if isinstance(given, list | tuple) and name not in SIZES:
        return [_scaled(each, scale) if isinstance(each, dict) else each for each in given]
    return _sized(given, scale) if name in SIZES else given


def _sized(given: Any, scale: float) -> Any:
    if isinstance(given, bool) or given is None:
        return given
    if isinstance(given, int | float):
        return given * scale
    if hasattr(given, "__iter__") and not isinstance(given, str | dict):
        return [_sized(each, scale) for each in given]
    return given


def _margin(given: Any, scale: float) -> Any:
    return {side: _sized(width, scale) for side, width in given.items()} if given else given
