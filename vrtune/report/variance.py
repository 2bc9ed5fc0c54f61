"""The variance ratio over epochs, in the layout of Defazio & Bottou (2019)."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from vrtune.diagnosing import Diagnosis

Curve = tuple[list[float], list[float]]  # epochs, ratios


def compute(diagnosis: Diagnosis) -> dict[float, Curve]:
    """A curve for every share of the way between snapshots, without moments that have no ratio."""
    curves: dict[float, Curve] = {}
    for reading in diagnosis.readings:
        if reading.ratio is not None:
            epochs, ratios = curves.setdefault(reading.share, ([], []))
            epochs.append(reading.epoch)
            ratios.append(reading.ratio)
    return dict(sorted(curves.items()))


def draw(curves: Sequence[tuple[str, dict[float, Curve]]]) -> go.Figure:
    """A panel for each (title, curves): ratios on a log scale, more than 1 shaded, 1/3 marked."""
    figure = make_subplots(
        1, len(curves), subplot_titles=[title for title, _ in curves], shared_yaxes=True
    )
    shares = sorted({share for _, of_one in curves for share in of_one})
    shown = set[float]()
    for column, (_, of_one) in enumerate(curves, 1):
        for share, (epochs, ratios) in of_one.items():
            blue = 255 * shares.index(share) // max(1, len(shares) - 1)
            line = go.Scatter(
                x=epochs,
                y=ratios,
                name=f"{share:.0%}",
                legendgroup=f"{share}",
                showlegend=share not in shown,
                mode="lines+markers",
                line_color=f"rgb({255 - blue}, 80, {blue})",
            )
            figure.add_trace(line, row=1, col=column)
            shown.add(share)
        figure.add_hrect(1, 100, fillcolor="grey", opacity=0.2, line_width=0, row=1, col=column)
        figure.add_hline(1 / 3, line_dash="dot", row=1, col=column)
    figure.update_yaxes(type="log", range=[-4, 1])
    figure.update_yaxes(title="Var(estimate) / Var(gradient)", col=1)
    figure.update_xaxes(title="epoch")
    return figure.update_layout(legend_title="way between snapshots")
