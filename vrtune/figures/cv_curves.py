"""What a study's settings came to over epochs: the best by fold, all others behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from vrtune.comparing.tried import Tried
from vrtune.comparing.tuned import Tuned
from vrtune.display.measures import LOSS, Measure
from vrtune.figures.panel import Panel
from vrtune.figures.style import (
    DASHES,
    axes,
    below,
    entry,
    epoch_axis,
    look,
    make_room,
    pale,
    plain,
    short,
    value_axis,
)

STRONG = 5  # settings that are drawn with their folds
LONGEST, NAME = 32, 12  # characters in the legend of a setting, and of a parameter's name
GREY = "rgba(128,128,128,.6)"
ENDS = {"pruned": "line-ns-open", "diverged": "x-thin-open"}  # marks of curves that stop early
SAID = {"pruned": "a tick where one was pruned", "diverged": "a cross where one diverged"}

Points = tuple[tuple[int, float], ...]  # epoch, validation loss or another metric


@dataclass(frozen=True)
class Curve:
    """A trial's way, as far as its values are finite."""

    trial: int
    setting: str
    brief: str  # the same for the legend
    state: str
    place: int | None  # among those that are drawn strong, the choice first; None: behind them
    mean: Points
    folds: tuple[Points, ...] = ()  # of a strong one


@dataclass(frozen=True)
class CVCurves:
    """Of a study: the strong curves in the order of their places, then the others."""

    study: str
    label: str
    curves: tuple[Curve, ...]
    unseen: int = 0  # trials that diverged before they were judged once
    measure: Measure = LOSS


def compute(tuned: Tuned) -> CVCurves | None:
    """The curves of all trials that were judged; None where no setting was chosen."""
    if tuned.choice is None:
        return None
    others = [t for t in sorted(tuned.complete, key=tuned.cost) if t.number != tuned.choice.number]
    judged = [t.number for t in (tuned.choice, *others) if _mean(t)]
    first = 0 if _mean(tuned.choice) else 1  # the place of the choice is its own
    places = {number: place for place, number in enumerate(judged[:STRONG], first)}
    curves = [_curve(t, places.get(t.number)) for t in tuned.trials if _mean(t)]
    curves.sort(key=lambda c: (STRONG if c.place is None else c.place, c.trial))
    unseen = sum(t.state == "diverged" and not _mean(t) for t in tuned.trials)
    own = tuned.study, tuned.label, tuple(curves), unseen, tuned.measure
    return CVCurves(*own) if places else None


def draw(data: CVCurves) -> list[Panel]:
    """One panel: the choice and the next best in colour, their folds faint, all others grey."""
    figure = axes("epoch", data.measure.value)
    figure.update_yaxes(**value_axis((row[-1] for row in _rows(data.curves)), data.measure))
    figure.update_xaxes(**epoch_axis(max(curve.mean[-1][0] for curve in data.curves)))
    strong = [curve for curve in data.curves if curve.place is not None]
    behind = [curve for curve in data.curves if curve.place is None]
    if behind:
        _draw_behind(figure, behind)
    for curve in strong:
        _draw_folds(figure, curve)
    for curve in reversed(strong):  # the choice lies on top
        _draw_mean(figure, curve)
    for curve in strong:
        own: dict[str, Any] = {"mode": "lines", "line": _line(curve)}
        entry(figure, curve.brief, f"{curve.trial}", longest=LONGEST, **own)
    if behind:
        others = f"{len(behind)} other trial{'s' * (len(behind) > 1)}"
        entry(figure, others, "behind", mode="lines", line={"color": GREY, "width": 1})
    return [
        Panel(
            name="cv-curves",
            title=f"{data.label}: CV curves by setting",
            how=_how(data),
            figure=make_room(figure),
            columns=("trial", "setting", "state", "drawn", "fold", "epoch", data.measure.column),
            rows=list(_rows(data.curves)),
            study=data.study,
        )
    ]


def _how(data: CVCurves) -> str:
    behind = {curve.state for curve in data.curves if curve.place is None}
    said = "A line is the mean over folds of a trial, by its number; the chosen one is the widest"
    said += "; faint lines of its colour are its folds" * any(c.folds for c in data.curves)
    said += "; all other trials are grey" * bool(behind)
    ends = [SAID[state] for state in ENDS if state in behind]
    said += f", with {' and '.join(ends)}." if ends else "."
    if data.unseen:
        said += f" {data.unseen} more diverged within the first epoch."
    return said + below((row[-1] for row in _rows(data.curves)), data.measure)


def _rows(curves: Sequence[Curve]) -> Iterator[tuple[Any, ...]]:
    for curve in curves:
        drawn = "behind" if curve.place is None else "strong" if curve.place else "chosen"
        ways = [("mean", curve.mean), *((f"{i}", w) for i, w in enumerate(curve.folds, 1))]
        for fold, way in ways:
            for epoch, value in way:
                yield curve.trial, curve.setting, curve.state, drawn, fold, epoch, value


# ---- what is known of a trial ------------------------------------------------------------------


def _curve(trial: Tried, place: int | None) -> Curve:
    folds = () if place is None else _folds(trial)
    said, number = _setting(trial.params), trial.number
    setting, chosen = _setting(trial.params, NAME), f"{number} (chosen): "
    fits = place == 0 and len(chosen + setting) <= LONGEST  # it is the widest line in any case
    brief = (chosen if fits else f"{number}: ") + setting
    return Curve(number, said, brief, trial.state, place, _mean(trial), folds)


def _mean(trial: Tried) -> Points:
    """Over folds, up to the epoch where one of them diverged."""
    known = ((e, sum(folds) / len(folds)) for e, folds in sorted(trial.values.items()) if folds)
    return _finite(known)


def _folds(trial: Tried) -> tuple[Points, ...]:
    """Each up to where it diverged; none where only the mean is known, or there is one part."""
    count = max(map(len, trial.values.values()), default=0)
    if count < 2:
        return ()
    epochs = sorted(trial.values.items())
    ways = (((e, folds[i]) for e, folds in epochs if i < len(folds)) for i in range(count))
    return tuple(_finite(way) for way in ways)


def _finite(way: Any) -> Points:
    kept: list[tuple[int, float]] = []
    for epoch, value in way:
        if not math.isfinite(value):
            break
        kept.append((epoch, value))
    return tuple(kept)


def _setting(params: Mapping[str, Any], most: int = 1000) -> str:
    said = {n: f"{v:.3g}" if isinstance(v, float) else short(v, most) for n, v in params.items()}
    return ", ".join(f"{short(n, most)}={v}" for n, v in said.items()) or "default"


# ---- traces ------------------------------------------------------------------------------------


def _draw_behind(figure: go.Figure, curves: Sequence[Curve]) -> None:
    """All in one trace: thousands of traces make a page slow."""
    x, y = _joined([curve.mean for curve in curves])
    marks: list[str] = []
    sizes: list[float] = []
    said: list[str] = []
    for curve in curves:
        before = len(curve.mean) - 1
        end = ENDS.get(curve.state, "circle")
        size = 6 if curve.state in ENDS else 4 if not before else 0  # a lone point is no line
        marks += ["circle"] * before + [end, "circle"]
        sizes += [0.0] * before + [size, 0.0]
        said += [plain(short(f"{curve.trial}: {curve.setting}", 80))] * (before + 2)
    figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="lines+markers",
            line={"color": GREY, "width": 1},
            marker={"color": GREY, "symbol": marks, "size": sizes, "line": {"width": 1.2}},
            text=said,
            hovertemplate="%{text}<br>epoch %{x}: %{y:.4g}<extra></extra>",
            showlegend=False,
            legendgroup="behind",
        )
    )


def _draw_folds(figure: go.Figure, curve: Curve) -> None:
    x, y = _joined(curve.folds)
    colour = pale(_line(curve)["color"], 0.5)
    lone = max(map(len, curve.folds), default=0) == 1
    figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="markers" if lone else "lines",
            line={"color": colour, "width": 1},
            marker={"color": colour, "size": 4},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=f"{curve.trial}",
        )
    )


def _draw_mean(figure: go.Figure, curve: Curve) -> None:
    said = plain(short(f"{curve.trial}: {curve.setting}", 80))
    figure.add_trace(
        go.Scatter(
            x=[epoch for epoch, _ in curve.mean],
            y=[value for _, value in curve.mean],
            mode="lines" if len(curve.mean) > 1 else "markers",
            line=_line(curve),
            marker={"color": _line(curve)["color"], "size": 8},
            hovertemplate=f"{said}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
            showlegend=False,
            legendgroup=f"{curve.trial}",
        )
    )


def _line(curve: Curve) -> dict[str, Any]:
    place = curve.place or 0
    return {
        "color": look(place).colour,
        "dash": DASHES[place % len(DASHES)],
        "width": 2 if place else 3.5,
    }


def _joined(ways: Sequence[Points]) -> tuple[list[int | None], list[float | None]]:
    """One line with gaps between the ways."""
    points = [point for way in ways for point in (*way, (None, None))]
    return [epoch for epoch, _ in points], [value for _, value in points]
