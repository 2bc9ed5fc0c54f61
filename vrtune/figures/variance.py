"""Variance ratio, distance and curvature over epochs, as Defazio & Bottou (2019) draw them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from vrtune.comparing.tuned import Tuned
from vrtune.figures.panel import Panel
from vrtune.figures.scales import LOSSES, log_range, log_ticks
from vrtune.figures.style import MARKS, axes, epoch_axis, is_wide, make_room
from vrtune.studies.diagnosed import Diagnosis

Quantity = Literal["ratio", "distance", "curvature"]
Curve = tuple[list[float], list[float]]  # epochs, values
TITLES: dict[Quantity, str] = {
    "ratio": "Var(estimate) / Var(gradient)",
    "distance": "distance to the snapshot",
    "curvature": "curvature",
}
MARKED = {1.0: "1", 1 / 3: "1/3"}  # ratios
LINE = "rgba(128,128,128,.9)"
HOW: dict[Quantity, str] = {
    "ratio": "Below 1 the estimate has less variance than a plain gradient; a method of two "
    "gradients a step pays for the second below 1/3.",
    "distance": "How far the weights went from the last snapshot; the farther, the less it tells.",
    "curvature": "Change of the whole gradient over change of the weights, both since the last "
    "snapshot; where it is high a snapshot soon grows old.",
}


@dataclass(frozen=True)
class Variance:
    """Of one training: by quantity a curve for every share of the way between snapshots."""

    title: str
    study: str | None
    curves: Mapping[Quantity, Mapping[float, Curve]]  # those that have values


def curves(diagnosis: Diagnosis, quantity: Quantity = "ratio") -> dict[float, Curve]:
    """A curve for every share of the way between snapshots, without moments that have no value."""
    found: dict[float, Curve] = {}
    for reading in diagnosis.readings:
        value = getattr(reading, quantity)
        if value is not None and math.isfinite(value):
            epochs, values = found.setdefault(reading.share, ([], []))
            epochs.append(reading.epoch)
            values.append(value)
    return dict(sorted(found.items()))


def compute(given: Tuned | Diagnosis, title: str | None = None) -> Variance | None:
    """None where nothing was measured; of a study, where its method takes plain gradients.

    Args:
        given: a study with a diagnosed trial, or what a diagnosis found.
        title: what to call the training; None: the method's label, and the trial.

    Returns:
        The curves of each quantity that has values.
    """
    study, diagnosis = (given.study, given.diagnosis) if isinstance(given, Tuned) else (None, given)
    if diagnosis is None or (study and diagnosis.is_plain):
        return None
    found = {name: read for name in TITLES if (read := curves(diagnosis, name))}
    label = given.label if isinstance(given, Tuned) else diagnosis.config.estimator.kind
    title = f"{label}, trial {diagnosis.trial}" if title is None else title
    return Variance(title, study, found) if found else None


def draw(data: Variance, beside: Sequence[Variance] = ()) -> list[Panel]:
    """A panel a quantity, with the axes and colours of the trainings that it is seen beside."""
    return [_panel(data, quantity, [data, *beside]) for quantity in data.curves]


def _panel(data: Variance, quantity: Quantity, among: Sequence[Variance]) -> Panel:
    """One quantity over epochs."""
    by_share = data.curves[quantity]
    shares = sorted({share for each in among for known in each.curves.values() for share in known})
    every = [curve for each in among for curve in each.curves.get(quantity, {}).values()]
    figure = axes("epoch", TITLES[quantity])
    known = [value for _, values in every for value in values]
    marked = list(MARKED) if quantity == "ratio" else []
    axis = _axis(known, marked)
    figure.update_yaxes(**axis)
    last = max(epoch for epochs, _ in every for epoch in epochs)
    figure.update_xaxes(**epoch_axis(last), rangemode="tozero")
    log = axis.get("type") == "log"
    colours = sample_colorscale(LOSSES, [i / max(1, len(shares) - 1) for i in range(len(shares))])
    for share, (epochs, values) in by_share.items():
        place = shares.index(share)
        look = {"color": colours[place], "symbol": MARKS[place % len(MARKS)], "size": 7}
        shown = [value > 0 or not log for value in values]
        figure.add_scatter(
            x=epochs,
            y=[value if keep else None for value, keep in zip(values, shown, strict=True)],
            name=f"{share:.0%}",
            legendgroup=f"{share}",
            mode="lines+markers",
            line={"color": colours[place], "width": 1.5},
            marker=look,
            hovertemplate=f"{share:.0%} of the way, epoch %{{x:.2f}}: %{{y:.3g}}<extra></extra>",
            cliponaxis=False,
        )
        _mark_zeros(figure, [e for e, keep in zip(epochs, shown, strict=True) if not keep], axis)
    for at in marked:
        figure.add_hline(at, line={"color": LINE, "width": 1, "dash": "dot"})
    return Panel(
        f"variance-{quantity}",
        f"{data.title}: {'variance ratio' if quantity == 'ratio' else TITLES[quantity]}",
        f"A line a share of the way from a snapshot to the next. {HOW[quantity]}",
        make_room(figure),
        ("share_of_way", "epoch", quantity),
        [(s, e, v) for s, (es, vs) in by_share.items() for e, v in zip(es, vs, strict=True)],
        study=data.study,
    )


def _axis(values: Sequence[float], marked: Sequence[float]) -> dict[str, Any]:
    """One that holds all values, and those that are marked: their ticks say what they are."""
    above = [value for value in values if value > 0]
    if not above or not (marked or is_wide(above)):
        return {"rangemode": "tozero" if min(values) >= 0 else "normal"}
    low, high = log_range([*above, *marked])
    ticks, texts = log_ticks(10**low, 10**high)
    far = [
        (tick, text)
        for tick, text in zip(ticks, texts, strict=True)
        if all(abs(math.log10(tick / at)) > 0.06 * (high - low) for at in marked)
    ]
    return {
        "type": "log",
        "range": [low, high],
        "tickvals": [*marked, *(tick for tick, _ in far)],
        "ticktext": [*(MARKED[at] for at in marked), *(text for _, text in far)],
    }


def _mark_zeros(figure: go.Figure, epochs: Sequence[float], axis: Mapping[str, Any]) -> None:
    """What is 0 has no place on a log axis: it stands at the lower end, and says so."""
    if not epochs:
        return
    figure.add_scatter(
        x=epochs,
        y=[10 ** axis["range"][0]] * len(epochs),
        name="0",
        legendgroup="0",
        showlegend="0" not in {trace.name for trace in figure.data},
        mode="markers",
        marker={"symbol": "triangle-down-open", "size": 9, "color": LINE},
        hovertemplate="epoch %{x:.2f}: 0<extra></extra>",
        cliponaxis=False,
    )
