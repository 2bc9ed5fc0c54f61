"""The training loss over the rising learning rate, with the rates that are read from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vrtune.figures.panel import Panel
from vrtune.figures.scales import log_range, log_ticks
from vrtune.figures.style import COLOURS, axes, make_room, pale, plain
from vrtune.ranging.rows import Row

MARKED = {  # on the line of all folds
    "begins": ("begins to fall", "triangle-right"),
    "steepest": ("steepest", "diamond"),
    "lowest": ("lowest", "circle"),
    "diverges": ("diverges", "x"),
}
HOW = (
    "Every step has a larger learning rate than the one before. The thick line is the mean over "
    "folds, smoothed; thin lines are the folds. The shaded range is where learning rates are worth "
    "a search: from where the loss begins to fall to where it is lowest."
)
BLUE, MARK = COLOURS[0], COLOURS[1]


def draw(mean: Row, folds: Sequence[Row], rates: Sequence[float], title: str) -> Panel:
    """The figure of a range test."""
    figure = axes("learning rate", "training loss")
    for each in folds if len(folds) > 1 else ():
        figure.add_scatter(
            x=rates,
            y=each.smooth,
            mode="lines",
            line={"color": pale(BLUE, 0.45), "width": 1},
            name=plain(each.fold),
            hovertemplate=f"{plain(each.fold)}, lr %{{x:.3g}}: %{{y:.3g}}<extra></extra>",
            showlegend=False,
        )
    figure.add_scatter(
        x=rates,
        y=mean.smooth,
        mode="lines",
        line={"color": BLUE, "width": 2.5},
        name="all folds" if len(folds) > 1 else plain(mean.fold),
        hovertemplate="lr %{x:.3g}: %{y:.3g}<extra></extra>",
    )
    for name, (label, symbol) in MARKED.items():
        rate = getattr(mean, name)
        if rate is None:
            continue
        figure.add_scatter(
            x=[rate],
            y=[mean.smooth[rates.index(rate)]],
            mode="markers",
            marker={"color": MARK, "symbol": symbol, "size": 11},
            name=f"{label}, {rate:.2g}",
            hovertemplate=f"{label}: lr %{{x:.3g}}<extra></extra>",
            cliponaxis=False,
        )
    if mean.begins is not None and mean.lowest is not None:
        figure.add_vrect(
            mean.begins, mean.lowest, fillcolor=pale(BLUE, 0.1), line_width=0, layer="below"
        )
    _scale(figure, mean, rates)
    columns = ("fold", "step", "learning_rate", "loss", "smoothed")
    rows = list(_rows([*folds, mean] if len(folds) > 1 else folds, rates))
    return Panel("range", title, HOW, make_room(figure), columns, rows)


def _scale(figure: Any, mean: Row, rates: Sequence[float]) -> None:
    """All rates; losses up to somewhat above the first ones, as an explosion says no more."""
    low, high = log_range(rates, room=0.02)
    values, texts = log_ticks(rates[0], rates[-1], most=9)
    figure.update_xaxes(type="log", range=[low, high], tickvals=values, ticktext=texts)
    least, first = min(mean.smooth), mean.smooth[0]
    fall = first - least or abs(first) or 1.0
    top = min(max(mean.smooth), first + 0.5 * fall)
    figure.update_yaxes(range=[least - 0.08 * fall, max(top, first) + 0.08 * fall])


def _rows(curves: Sequence[Row], rates: Sequence[float]) -> Iterator[tuple[Any, ...]]:
    for each in curves:
        for i, (rate, loss, smooth) in enumerate(zip(rates, each.losses, each.smooth, strict=True)):
            yield each.fold, i + 1, rate, loss, smooth
