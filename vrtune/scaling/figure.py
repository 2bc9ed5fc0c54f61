"""Steps to the target over batch sizes, with the line of perfect scaling; one curve a method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import plotly.graph_objects as go

from vrtune.display.measures import Measure
from vrtune.figures.panel import Panel
from vrtune.figures.scales import log_range, log_ticks
from vrtune.figures.style import axes, entry, look, make_room, plain, short
from vrtune.scaling.rows import Curve, Row

COLUMNS = (
    *("method", "batch_size", "steps", "at_most", "fold_low", "fold_high", "ideal", "region"),
    *("trials", "reached", "most_steps"),
)
HOW = (
    "Both axes are logarithmic: along a dotted line of perfect scaling doubling the batch size "
    "halves the steps; where a curve is level, larger batches save none. Each point is the trial "
    "that reaches the target first, its bar from the first of its folds to the last"
)
NOT_REACHED = "; an open triangle stands at the steps after which no trial had reached it"
AT_MOST = "; an open circle is reached before the first epoch was judged to its end"


def draw(curves: Sequence[Curve], target: float, measure: Measure) -> Panel:
    """The figure."""
    figure = axes("batch size", f"steps to a {measure.value} of {target:g}")
    for place, curve in enumerate(curves):
        _ideal(figure, place, curve)
    for place, curve in enumerate(curves):
        _line(figure, place, curve)
        _missed(figure, place, curve)
    for place, curve in enumerate(curves):
        style = look(place)
        own: dict[str, Any] = {"line": {"color": style.colour, "width": 2, "dash": style.dash}}
        own["marker"] = {"color": style.colour, "symbol": style.mark, "size": 8}
        entry(figure, curve.method, f"{place}", mode="lines+markers", **own)
    _scale(figure, curves)
    rows = [row for curve in curves for row in curve.rows]
    missed = any(row.steps is None for row in rows)
    return Panel(
        name="batch-size",
        title="Steps to the target over batch sizes",
        how=HOW + NOT_REACHED * missed + AT_MOST * any(row.at_most for row in rows) + ".",
        figure=make_room(figure),
        columns=COLUMNS,
        rows=list(_rows(rows)),
    )


def _rows(rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        low, high = _ends(row)
        said = row.method, row.batch_size, row.steps, row.at_most, low, high, row.ideal, row.region
        yield (*said, row.trials, row.reached, row.most_steps)


def _ideal(figure: go.Figure, place: int, curve: Curve) -> None:
    """From the least batch size that reaches the target to the largest of all."""
    if not curve.reached:
        return
    first = curve.reached[0].batch_size
    rows = [row for row in curve.rows if row.batch_size >= first and row.ideal is not None]
    figure.add_trace(
        go.Scatter(
            x=[row.batch_size for row in rows],
            y=[row.ideal for row in rows],
            mode="lines",
            line={"color": look(place).colour, "width": 1.2, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=f"{place}",
        )
    )


def _line(figure: go.Figure, place: int, curve: Curve) -> None:
    """The measured steps, with bars over folds."""
    style, rows = look(place), curve.reached
    ends = [_ends(row) for row in rows]
    steps = [float(row.steps or 0) for row in rows]
    above = [max(0.0, (high or s) - s) for s, (_, high) in zip(steps, ends, strict=True)]
    under = [max(0.0, s - (low or s)) for s, (low, _) in zip(steps, ends, strict=True)]
    figure.add_trace(
        go.Scatter(
            x=[row.batch_size for row in rows],
            y=steps,
            mode="lines+markers",
            line={"color": style.colour, "width": 2, "dash": style.dash},
            marker={
                "color": style.colour,
                "symbol": ["circle-open" if row.at_most else style.mark for row in rows],
                "size": 8,
            },
            error_y={
                "array": above,
                "arrayminus": under,
                "color": style.colour,
                "width": 4,
                "thickness": 1.2,
            },
            customdata=[[row.region or "", row.reached, row.trials] for row in rows],
            hovertemplate=f"{plain(short(curve.method, 80))}<br>batch size %{{x}}: %{{y:,.0f}} "
            "steps<br>%{customdata[0]}<br>%{customdata[1]} of %{customdata[2]} trials reach it"
            "<extra></extra>",
            showlegend=False,
            legendgroup=f"{place}",
        )
    )


def _missed(figure: go.Figure, place: int, curve: Curve) -> None:
    """Batch sizes that do not reach the target: they would take more steps than there were."""
    rows = [row for row in curve.rows if row.steps is None]
    if not rows:
        return
    figure.add_trace(
        go.Scatter(
            x=[row.batch_size for row in rows],
            y=[row.most_steps for row in rows],
            mode="markers",
            marker={"color": look(place).colour, "symbol": "triangle-up-open", "size": 10},
            hovertemplate=f"{plain(short(curve.method, 80))}<br>batch size %{{x}}: not reached in "
            "%{y:,} steps<extra></extra>",
            showlegend=False,
            legendgroup=f"{place}",
        )
    )


def _scale(figure: go.Figure, curves: Sequence[Curve]) -> None:
    """Each batch size has its tick; all points, bars and lines lie within."""
    rows = [row for curve in curves for row in curve.rows]
    sizes = sorted({row.batch_size for row in rows})
    figure.update_xaxes(type="log", tickvals=sizes, ticktext=[str(size) for size in sizes])
    figure.update_xaxes(range=log_range(sizes))
    heights = [h for row in rows for h in (row.steps, row.ideal, *_ends(row)) if h]
    heights += [row.most_steps for row in rows if row.steps is None]
    low, high = log_range(heights)
    values, texts = log_ticks(10**low, 10**high)
    figure.update_yaxes(type="log", range=[low, high], tickvals=values, ticktext=texts)


def _ends(row: Row) -> tuple[float | None, float | None]:
    """The first and the last of a trial's folds, as far as they reach the target."""
    known = [steps for steps in row.steps_of_folds if steps is not None]
    return (min(known), max(known)) if len(known) > 1 else (None, None)
