"""The pictures of docs/, drawn from the records that the benchmarks left there.

    python benchmarks/pictures.py

Measures nothing: it reads docs/figures/*.json and docs/benchmarks/*.json and writes the SVG files
in docs/figures/. It takes Kaleido and its browser: pip install 'vrtune[images]'.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from full_size_parts.drawn import Panel, fill, panels
from plotly.subplots import make_subplots

from vrtune.figures import variance
from vrtune.figures.scales import log_range, log_ticks
from vrtune.figures.style import axes, is_wide, look
from vrtune.scaling.result import Scaling
from vrtune.studies.diagnosed import Diagnosis

WIDTH, ROW = 700, 250  # pixels
ABOVE, BETWEEN, BELOW = 60, 92, 56  # of rows of axes: room for legend, titles and names of axes
METHODS = ("sgd", "adam", "svrg", "alpha-svrg")
WAYS = {"dataloader": "DataLoader", "resident": "data on the device", "vrtune": "vrtune"}
DEVICES = "lane-steps a second"
# of full size, and their short forms
STUDIES = ("late-starts", "scsg", "resnets", "metainit", "batch-norm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    docs = parser.parse_args().docs
    for name, figure in pictures(docs).items():
        path = docs / "figures" / f"{name}.svg"
        figure.write_image(path, width=WIDTH, height=figure.layout.height)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def pictures(docs: Path) -> dict[str, go.Figure]:
    """All of them by name."""
    trainings = _rows(docs / "figures" / "variance.json")
    found = {f"variance-{quantity}": of_variance(trainings, quantity) for quantity in TITLES}
    for model in ("resnet18-small", "resnet18"):
        found[f"{model}-methods"] = of_methods(_rows(docs / "figures" / f"{model}-methods.json"))
    for model in ("lenet", "softmax"):
        record = docs / "benchmarks" / f"throughput-{model}-cpu.json"
        found[f"throughput-{model}"] = of_throughput(_rows(record))
    record = docs / "benchmarks" / "batch-size-digits-lenet.json"
    found["batch-size"] = of_batch_size(json.loads(record.read_text())["scaling"])
    found["saga"] = of_saga(_rows(docs / "benchmarks" / "saga.json"))
    for record in sorted(p for s in STUDIES for p in (docs / "benchmarks").glob(f"{s}-*.json")):
        if drawn := panels(_rows(record)):
            found[record.stem] = of_study(drawn)
    for record in sorted((docs / "benchmarks").glob("variance-*.json")):
        if "short" not in record.stem:  # whose readings are too few for lines
            rows = _rows(record)
            found |= {f"{record.stem}-{q}": of_variance(rows, q) for q in TITLES}
    return found


TITLES = variance.TITLES


def of_variance(rows: Sequence[dict[str, Any]], quantity: variance.Quantity) -> go.Figure:
    """A quantity in each training, by the share of the way from a snapshot to the next."""
    titles = [f"{row['model']}, locking {'on' if row['lock'] else 'off'}" for row in rows]
    known = set(Diagnosis.model_fields)
    found = [
        variance.compute(Diagnosis.model_validate({k: v for k, v in row.items() if k in known}), t)
        for row, t in zip(rows, titles, strict=True)
    ]
    kept = [each for each in found if each and quantity in each.curves]
    figure = side_by_side([each.title for each in kept], "epoch", TITLES[quantity])
    for place, each in enumerate(kept):
        panel = next(p for p in variance.draw(each, kept) if p.name == f"variance-{quantity}")
        row, column = place // 2 + 1, place % 2 + 1
        for trace in panel.figure.data:
            figure.add_trace(trace, row=row, col=column)
            figure.data[-1].showlegend = place == 0
        for shape in panel.figure.layout.shapes:
            figure.add_shape(shape, row=row, col=column)
        axis = panel.figure.layout.yaxis.to_plotly_json()
        figure.update_yaxes(**_without(axis, "title"), row=row, col=column)
        axis = panel.figure.layout.xaxis.to_plotly_json()
        figure.update_xaxes(**_without(axis, "title"), row=row, col=column)
    figure.update_layout(legend_title="way to the next snapshot  ")
    return figure


def of_methods(rows: Sequence[dict[str, Any]]) -> go.Figure:
    """Validation loss over gradient computations of the best learning rates, by norm."""
    norms = list(dict.fromkeys(row["norm"] for row in rows))
    figure = side_by_side(
        [f"norm {norm}" for norm in norms], "gradient computations", "validation loss", shared=False
    )
    for row in rows:
        best = next(r for r in row["every_lr"] if r["lr"] == row["best_lr"])
        place = METHODS.index(row["method"])
        own = look(place)
        figure.add_scatter(
            x=best["spent"],
            y=best["losses"],
            mode="lines+markers",
            name=row["method"],
            legendgroup=row["method"],
            showlegend=row["norm"] == norms[0],
            # a line that lies on another leaves it to be seen
            line={"color": own.colour, "width": 4.5 - 1.1 * place},
            marker={"symbol": own.mark, "size": 11 - 1.5 * place},
            cliponaxis=False,
            row=1,
            col=norms.index(row["norm"]) + 1,
        )
    return figure.update_xaxes(rangemode="tozero")


def of_study(found: Sequence[Panel]) -> go.Figure:
    """What the record of a study of full size holds, or of its short form."""
    columns = min(2, len(found))
    figure = side_by_side([panel.title for panel in found], "", "", columns, shared=False)
    fill(figure, found, columns)
    return figure


def of_throughput(rows: Sequence[dict[str, Any]]) -> go.Figure:
    """Lane-steps a second over lanes, by method."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    figure = side_by_side(methods, "lanes", DEVICES, columns=len(methods))
    for column, method in enumerate(methods, 1):
        mine = [row for row in rows if row["method"] == method]
        for place, (way, name) in enumerate(WAYS.items()):
            own = look(place)
            figure.add_scatter(
                x=[row["lanes"] for row in mine],
                y=[row[way] for row in mine],
                mode="lines+markers",
                name=name,
                legendgroup=way,
                showlegend=column == 1,
                line={"color": own.colour, "width": 2},
                marker={"symbol": own.mark, "size": 8},
                cliponaxis=False,
                row=1,
                col=column,
            )
    lanes = sorted({row["lanes"] for row in rows})
    figure.update_xaxes(type="log", tickvals=lanes, ticktext=[str(n) for n in lanes])
    figure.update_xaxes(range=log_range(lanes))
    return figure.update_yaxes(**_axis([row[way] for row in rows for way in WAYS]))


def of_batch_size(found: dict[str, Any]) -> go.Figure:
    """Steps to a target over batch sizes, as `vrtune batch-size` draws them."""
    figure = Scaling.model_validate(found).panel.figure
    return figure.update_layout(
        paper_bgcolor="white", plot_bgcolor="white", font_color="#222", height=2 * ROW
    )


def of_saga(rows: Sequence[dict[str, Any]]) -> go.Figure:
    """Losses on both sets over epochs, SGD and SAGA, plain and accelerated."""
    sets = ("train", "test")
    titles = [f"{row['run'].replace('-', ', ')}: {part} loss" for row in rows for part in sets]
    figure = side_by_side(titles, "epoch", "loss", shared=False)
    for line, row in enumerate(rows, 1):
        for column, part in enumerate(sets, 1):
            shown = []
            for place, (method, course) in enumerate(row["courses"].items()):
                own = look(place)
                points = course if row["warm_epochs"] else course[1:]  # far above the rest
                shown += [point[f"{part}_loss"] for point in points]
                figure.add_scatter(
                    x=[point["epoch"] for point in points],
                    y=[point[f"{part}_loss"] for point in points],
                    mode="lines",
                    name=method,
                    legendgroup=method,
                    showlegend=line == column == 1,
                    line={"color": own.colour, "width": 3.5 - 0.6 * place},
                    row=line,
                    col=column,
                )
            if is_wide(shown):
                figure.update_yaxes(**_axis(shown), row=line, col=column)
    return figure


def side_by_side(
    titles: Sequence[str], x: str, y: str, columns: int = 2, shared: bool = True
) -> go.Figure:
    """Empty axes with titles, on white, so that a page in the dark shows them, too."""
    lines = -(-len(titles) // columns)
    inside = lines * ROW + (lines - 1) * BETWEEN
    height = ABOVE + inside + BELOW
    figure = make_subplots(
        lines,
        columns,
        subplot_titles=titles,
        horizontal_spacing=0.04 if columns > 2 else 0.07,
        vertical_spacing=BETWEEN / inside,
        shared_yaxes=shared,
    )
    style = axes("", "").layout.to_plotly_json()
    kept = {k: v for k, v in style.items() if not k.startswith(("xaxis", "yaxis", "template"))}
    figure.update_layout(**kept, template="none")
    figure.update_layout(
        paper_bgcolor="white", plot_bgcolor="white", font_color="#222", height=height
    )
    margin = {"l": 64, "r": 20, "t": ABOVE, "b": BELOW}
    figure.update_layout(margin=margin, legend={"y": 1 + 24 / inside})
    figure.update_annotations(font_size=13)  # titles
    figure.update_xaxes(**style["xaxis"] | {"title": x})
    figure.update_yaxes(**_without(style["yaxis"], "title"))
    return figure.update_yaxes(title=y, col=1)


def _axis(values: Sequence[float]) -> dict[str, Any]:
    """One that holds all values: a log one where they span much."""
    return log_axis(values) if is_wide(values) else {"rangemode": "tozero"}


def log_axis(values: Sequence[float]) -> dict[str, Any]:
    """One that holds all values, with labels that can be read."""
    low, high = log_range(values)
    ticks, texts = log_ticks(10**low, 10**high)
    return {"type": "log", "range": [low, high], "tickvals": ticks, "ticktext": texts}


def _without(axis: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in axis.items() if key != name}


def _rows(record: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(record.read_text())["rows"]
    return rows


if __name__ == "__main__":
    main()
