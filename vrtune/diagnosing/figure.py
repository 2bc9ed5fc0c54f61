"""Variance ratio, distance and curvature over epochs, in the layout of Defazio & Bottou (2019)."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Literal

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from vrtune.studies.diagnosed import Diagnosis

Quantity = Literal["ratio", "distance", "curvature"]
Curve = tuple[list[float], list[float]]  # epochs, values
TITLES: dict[Quantity, str] = {
    "ratio": "Var(estimate) / Var(gradient)",
    "distance": "distance to the snapshot",
    "curvature": "curvature",
}
PANEL_PX = 350


def compute(diagnosis: Diagnosis, quantity: Quantity = "ratio") -> dict[float, Curve]:
    """A curve for every share of the way between snapshots, without moments that have no value."""
    curves: dict[float, Curve] = {}
    for reading in diagnosis.readings:
        value = getattr(reading, quantity)
        if value is not None:
            epochs, values = curves.setdefault(reading.share, ([], []))
            epochs.append(reading.epoch)
            values.append(value)
    return dict(sorted(curves.items()))


def draw(trainings: Sequence[tuple[str, Diagnosis]]) -> go.Figure:
    """A column for each (title, diagnosis): ratios on a log scale, more than 1 shaded and 1/3
    marked; below them distance and curvature, where there are any."""
    kept = [
        quantity
        for quantity in TITLES
        if quantity == "ratio" or any(compute(found, quantity) for _, found in trainings)
    ]
    figure = make_subplots(
        len(kept),
        len(trainings),
        column_titles=[escape(title) for title, _ in trainings],  # plotly reads some HTML
        shared_xaxes=True,
        shared_yaxes=True,
    )
    shares = sorted({reading.share for _, found in trainings for reading in found.readings})
    shown = set[float]()
    for row, quantity in enumerate(kept, 1):
        for column, (_, found) in enumerate(trainings, 1):
            for share, (epochs, values) in compute(found, quantity).items():
                blue = 255 * shares.index(share) // max(1, len(shares) - 1)
                line = go.Scatter(
                    x=epochs,
                    y=values,
                    name=f"{share:.0%}",
                    legendgroup=f"{share}",
                    showlegend=share not in shown,
                    mode="lines+markers",
                    line_color=f"rgb({255 - blue}, 80, {blue})",
                )
                figure.add_trace(line, row=row, col=column)
                shown.add(share)
        figure.update_yaxes(title=TITLES[quantity], row=row, col=1)
    figure.add_hrect(1, 100, fillcolor="grey", opacity=0.2, line_width=0, row=1, col="all")
    figure.add_hline(1 / 3, line_dash="dot", row=1, col="all")
    figure.update_yaxes(type="log", range=[-4, 1], row=1)
    figure.update_yaxes(type="log", row=kept.index("curvature") + 1 if "curvature" in kept else 1)
    figure.update_xaxes(title="epoch", row=len(kept))
    return figure.update_layout(
        legend_title="way between snapshots", height=100 + PANEL_PX * len(kept)
    )
