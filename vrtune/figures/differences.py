"""Paired differences with their 95 % intervals: who is better, and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go

from vrtune.comparing.evidence import KINDS, Difference, Kind, differences
from vrtune.comparing.tuned import Tuned
from vrtune.comparing.verdict import verdicts
from vrtune.display.figures import safe
from vrtune.figures.panel import Panel
from vrtune.figures.style import GREY, axes, look, plain, short

ALPHA = 0.05
ALL_PAIRS = 6  # methods; of more only the pairs with the best one are drawn
ROW_PX, LINE_PX, BESIDE_PX = 50, 16, 76
WIDEST = 23  # characters of a line of a name
NAMES: dict[Kind, str] = {
    "folds": "differences-by-fold",
    "seeds": "differences-by-seed",
    "equal trials": "differences-at-equal-trials",
    "equal gradient computations": "differences-at-equal-gradients",
}
TITLES: dict[Kind, str] = {
    "folds": "Differences by fold",
    "seeds": "Differences by seed",
    "equal trials": "Differences at equal trials",
    "equal gradient computations": "Differences at equal gradient computations",
}
COLUMNS = (
    *("first", "second", "measure", "n", "mean", "low", "high", "p", "p_holm"),
    *("first_better", "equal", "second_better", "note"),
)


@dataclass(frozen=True)
class Forest:
    """The pairs of one way of comparing methods, each with its better one on the left or right."""

    kind: Kind
    pairs: tuple[Difference, ...]
    places: Mapping[str, int]  # of labels among the methods
    best: str | None = None  # whose pairs these are, where not all are shown


def compute(tuned: Sequence[Tuned]) -> list[Forest] | None:
    """A forest for each way in which two methods at least can be compared; None for no such way."""
    found = differences(tuned)
    places = {each.label: place for place, each in enumerate(tuned)}
    best = {v.kind: v.best for v in verdicts(tuned, found)} if len(tuned) > ALL_PAIRS else {}
    forests: list[Forest] = []
    for kind in KINDS:
        pairs = [d for d in found if d.kind == kind]
        if first := best.get(kind):
            pairs = [_on_the_left(d, first) for d in pairs if first in (d.first, d.second)]
        if any(d.mean is not None for d in pairs):
            forests.append(Forest(kind, tuple(pairs), places, first))
    return forests or None


def draw(data: Sequence[Forest]) -> list[Panel]:
    """A panel a forest, a row a pair."""
    return [_panel(forest) for forest in data]


def _panel(forest: Forest) -> Panel:
    names = [tuple(map(_wrapped, _sides(d))) for d in forest.pairs]
    deep = max(side.count("<br>") for pair in names for side in pair)
    row = ROW_PX + LINE_PX * deep
    figure = axes(
        f"difference of {forest.pairs[0].measure}", "", height=BESIDE_PX + row * len(names)
    )
    for y, (d, (left, right)) in enumerate(zip(forest.pairs, names, strict=True)):
        if d.mean is None:
            figure.add_annotation(x=0.5, y=y, text="not compared", **_beside("center", "middle", d))
        else:
            _draw_pair(figure, d, y, forest.places)
        for x, anchor, name in ((0, "left", f"← {left}"), (1, "right", f"{right} →")):
            figure.add_annotation(x=x, y=y - 0.2, text=name, **_beside(anchor, "bottom", d))
    ends = [0.0, *(v for d in forest.pairs for v in (d.mean, d.low, d.high) if v is not None)]
    room = 0.06 * (max(ends) - min(ends)) or 0.01
    figure.add_vline(0, line={"color": GREY, "width": 1.5, "dash": "dot"})
    figure.update_xaxes(range=[min(ends) - room, max(ends) + room], tickformat="~g", nticks=7)
    top = -0.2 - (18 + LINE_PX * deep) / row
    figure.update_yaxes(range=[len(names) - 0.6, top], visible=False)
    figure.update_layout(margin={"l": 12}, showlegend=False)
    return Panel(
        name=NAMES[forest.kind],
        title=TITLES[forest.kind],
        how=_how(forest),
        figure=figure,
        columns=COLUMNS,
        rows=[[getattr(d, column) for column in COLUMNS] for d in forest.pairs],
    )


def _how(forest: Forest) -> str:
    said = (
        "A mark is the mean difference of a pair, its bar the 95 % interval of that pair alone; it "
        "lies on the side "
    )
    said += f"of the better method, and is filled where p < {ALPHA:g} after Holm's correction."
    if forest.best is not None:
        said += f" These are the pairs with the best, {safe(forest.best)}."
    notes = {d.note for d in forest.pairs if d.mean is not None}
    if forest.kind == "folds" and any(d.mean is not None and not d.repeats for d in forest.pairs):
        values = "losses" if forest.pairs[0].measure == "validation loss" else "values"
        said += f" Methods that were not judged on fresh starts are compared by the {values} that"
        said += " their choice was made by, which are too good."
    elif len(notes) == 1 and (note := notes.pop()):
        said += f" {note[0].upper()}{note[1:]}."
    return said


# ---- pairs -------------------------------------------------------------------------------------


def _sides(d: Difference) -> tuple[str, str]:
    """Who is better left of zero, and right of it."""
    return (d.first, d.second) if _less_is_better(d) else (d.second, d.first)


def _less_is_better(d: Difference) -> bool:
    return d.direction == "minimize"


def _on_the_left(d: Difference, label: str) -> Difference:
    """The same difference, turned so that a method's side is the left one."""
    if _sides(d)[0] == label:
        return d
    turned: dict[str, Any] = {"first": d.second, "second": d.first}
    turned |= {"first_better": d.second_better, "second_better": d.first_better}
    ends = {"mean": d.mean, "low": d.high, "high": d.low}
    turned |= {name: None if end is None else -end for name, end in ends.items()}
    return d.model_copy(update=turned)


def _is_sure(d: Difference) -> bool:
    return d.p_holm is not None and d.p_holm < ALPHA


# ---- what is drawn -----------------------------------------------------------------------------


def _draw_pair(figure: go.Figure, d: Difference, y: float, places: Mapping[str, int]) -> None:
    """In the colour of the better method."""
    mean = d.mean or 0.0
    colour = look(places[_sides(d)[mean > 0]]).colour if mean else GREY
    known = d.low is not None and d.high is not None
    bars = {"array": [d.high - mean], "arrayminus": [mean - d.low]} if known else {}  # type: ignore[operator]
    figure.add_trace(
        go.Scatter(
            x=[mean],
            y=[y],
            mode="markers",
            marker={
                "color": colour,
                "symbol": "circle" if _is_sure(d) else "circle-open",
                "size": 11,
                "line": {"width": 2, "color": colour},
            },
            error_x={**bars, "color": colour, "width": 6, "thickness": 2},
            hovertext=[_hover(d)],
            hovertemplate="%{hovertext}<extra></extra>",
            showlegend=False,
        )
    )


def _hover(d: Difference) -> str:
    said = [f"{plain(short(d.first, 60))} - {plain(short(d.second, 60))}"]
    if d.mean is not None:
        said.append(f"{d.mean:.4g}")
    if d.low is not None and d.high is not None:
        said[-1] += f" ({d.low:.4g} to {d.high:.4g})"
    if d.p_holm is not None:
        said.append(f"p = {d.p_holm:.2g}, by Holm")
    return "<br>".join(said + [plain(line) for line in wrap(d.note, 50)])


def _beside(xanchor: str, yanchor: str, d: Difference) -> dict[str, Any]:
    """Of a text in a row, as wide as the axes."""
    own = {"xref": "x domain", "xanchor": xanchor, "yanchor": yanchor, "showarrow": False}
    return {**own, "align": xanchor, "font": {"size": 12}, "hovertext": _hover(d), "borderpad": 0}


def _wrapped(name: str) -> str:
    """A name in two lines at most of its row's half, without its middle if it is longer."""
    whole = safe(name)
    lines = wrap(whole, WIDEST)
    if len(lines) > 2:
        whole = short(whole, 2 * WIDEST)
        lines = [whole[:WIDEST], whole[WIDEST:]]
    return "<br>".join(map(plain, lines))
