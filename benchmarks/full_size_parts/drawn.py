"""The pictures of a study's record, at full size or short, by what its rows hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import plotly.graph_objects as go

from vrtune.figures.style import look

Row = dict[str, Any]
Line = tuple[Sequence[float], Sequence[float | None]]  # x and y


class Panel(NamedTuple):
    """Lines on axes of their own."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Line]


def errors(rows: Sequence[Row]) -> dict[str, dict[str, Line]]:
    """Test errors over gradient computations, the mean of all starts: a panel a net."""
    found: dict[str, dict[str, Line]] = {}
    for row in rows:
        if "test_error" not in row:
            continue
        name = row.get("method")
        if name is None:
            name = "sgd" if row["start"] is None else f"svrg from {row['start']:.0%}"
        by_epoch = zip(*row["test_error"], strict=True)
        means = [None if None in values else fmean(values) for values in by_epoch]
        found.setdefault(row.get("model", ""), {})[name] = row["costs"], means
    return found


def staleness(rows: Sequence[Row]) -> dict[str, Line]:
    """Var(estimate) / Var(gradient) by steps after a mega-batch, the mean of those measured."""
    found: dict[str, Line] = {}
    for row in rows:
        if row.get("part") != "staleness":
            continue
        by_share: dict[float, list[float]] = {}
        for reading in row["readings"]:
            if reading["ratio"] is not None:
                by_share.setdefault(reading["share"], []).append(reading["ratio"])
        steps = row["config"]["estimator"]["mega_batch"]
        shares = sorted(by_share)
        found[row["model"]] = (
            [share * steps for share in shares],
            [fmean(by_share[share]) for share in shares],
        )
    return found


def by_norm(rows: Sequence[Row]) -> dict[str, dict[str, Line]]:
    """Var(estimate) / Var(gradient) on the last way that was measured, the mean of all seeds."""
    values: dict[str, dict[str, dict[float, list[float]]]] = {}
    for row in rows:
        if not {"norm", "seed", "readings"} <= row.keys():
            continue
        of_norm = values.setdefault(row["model"], {}).setdefault(f"norm {row['norm']}", {})
        for share, ratio in {r["share"]: r["ratio"] for r in row["readings"]}.items():
            of_norm.setdefault(share, []).append(ratio)
    return {
        model: {
            norm: ([100 * share for share in found], [fmean(ratios) for ratios in found.values()])
            for norm, found in of_model.items()
        }
        for model, of_model in values.items()
    }


def settings(rows: Sequence[Row]) -> dict[str, dict[str, Line]]:
    """Validation losses over gradient computations of the setting that was chosen, by norm; of more
    epochs than one."""
    found: dict[str, dict[str, Line]] = {}
    for row in rows:
        for each in row.get("every_setting", ()):
            if each["setting"] == row["setting"] and len(each["losses"]) > 1:
                panel = found.setdefault(f"norm {row['norm']}", {})
                panel[row["method"]] = each["spent"], each["losses"]
    return found


def panels(rows: Sequence[Row]) -> list[Panel]:
    """Of a record, in order."""
    cost, net = "gradient computations", "late starts"  # the net of which no row names
    found = [Panel(model or net, cost, "test error", own) for model, own in errors(rows).items()]
    if old := staleness(rows):
        found.append(Panel("ratio of variances after a mega-batch", "step", "", old))
    way = "% of the way to the next snapshot"
    found += [Panel(m, way, "variance left", own) for m, own in by_norm(rows).items()]
    return found + [Panel(n, cost, "validation loss", own) for n, own in settings(rows).items()]


def fill(figure: go.Figure, found: Sequence[Panel], columns: int) -> None:
    """Draws panels row by row. A line that lies on another leaves it to be seen."""
    names = list(dict.fromkeys(name for panel in found for name in panel.lines))
    for at, panel in enumerate(found):
        place = {"row": at // columns + 1, "col": at % columns + 1}
        for name, (x, y) in panel.lines.items():
            rank = names.index(name)
            own = look(rank)
            figure.add_scatter(
                x=x, y=y, name=name, mode="lines+markers", legendgroup=name,
                showlegend=not any(trace.name == name for trace in figure.data),
                line={
                    "color": own.colour, "width": max(1.0, 6.5 - 1.1 * rank),
                    "dash": "dash" if rank and rank % 2 == 0 else "solid",
                },
                marker={"symbol": own.mark, "size": max(5, 14 - 2 * rank)},
                cliponaxis=False, **place,
            )  # fmt: skip
        figure.update_xaxes(title=panel.x, rangemode="tozero", **place)
        if at % columns == 0 or panel.y != found[at - 1].y:
            figure.update_yaxes(title=panel.y, **place)
