"""The pictures of LeNet on MNIST, drawn from its two records.

    python benchmarks/mnist_pictures.py [--docs docs]

mnist-test-loss   test loss over gradient computations, at the source's settings and at ours
mnist-accuracy    test accuracy of both, with 95 % intervals over seeds, beside the source's
mnist-cv          cross-validation: every setting of every grid

Measures nothing: it reads docs/benchmarks/mnist-lenet-h100.json (benchmarks/mnist_lenet.py) and
mnist-study.json (benchmarks/mnist_study.py). Takes Kaleido: pip install 'vrtune[images]'.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from statistics import fmean
from typing import Any

import plotly.graph_objects as go
from mnist_evidence import interval
from pictures import WIDTH, log_axis, side_by_side

from vrtune.figures.style import GREY, band, look

FAR = 4.0  # a validation loss; guessing has 2.3
METHODS = ("sgd", "adam", "adagrad", "svrg", "storm")
Record = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    docs = parser.parse_args().docs
    theirs, ours = (
        json.loads((docs / "benchmarks" / f"{name}.json").read_text())
        for name in ("mnist-lenet-h100", "mnist-study")
    )
    drawn = {
        "mnist-test-loss": of_test_loss(theirs, ours),
        "mnist-accuracy": of_accuracy(theirs, ours),
        "mnist-cv": of_cross_validation(ours),
    }
    for name, figure in drawn.items():
        path = docs / "figures" / f"{name}.svg"
        figure.write_image(path, width=WIDTH, height=figure.layout.height)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def of_test_loss(theirs: Record, ours: Record) -> go.Figure:
    """Mean over seeds, and the band from the least to the largest."""
    runs = [trained_at_theirs(theirs), trained_at_ours(ours)]
    titles = [
        f"{title}: {len(first['test_losses'])} seeds"
        for title, first in zip(
            ("at the source's settings", "at the settings chosen here"),
            (next(iter(run.values())) for run in runs),
            strict=True,
        )
    ]
    figure = side_by_side(titles, "gradient computations of a training", "test loss")
    shown: list[float] = []
    for column, run in enumerate(runs, 1):
        for place, method in enumerate(METHODS):
            if method not in run:
                continue
            columns = list(zip(*run[method]["test_losses"], strict=True))
            costs, own = run[method]["costs"], look(place)
            low, high = ([end(c) for c in columns] for end in (min, max))
            shown += [*low, *high]
            drawn = go.Figure()
            band(drawn, costs, low, high, own.colour, method)
            drawn.add_scatter(
                x=costs, y=[fmean(c) for c in columns], mode="lines", name=method,
                legendgroup=method, showlegend=column == 1,
                line={"color": own.colour, "dash": own.dash, "width": 2},
            )  # fmt: skip
            for trace in drawn.data:
                figure.add_trace(trace, row=1, col=column)
    figure.update_yaxes(**log_axis(shown))
    return figure.update_xaxes(rangemode="tozero")


def of_accuracy(theirs: Record, ours: Record) -> go.Figure:
    """Three marks a method: the source's one seed, and means with 95 % intervals."""
    figure = side_by_side([""], "", "test accuracy", columns=1)
    at_theirs, at_ours = trained_at_theirs(theirs), trained_at_ours(ours)
    groups = (
        ("the source: 100 epochs, one seed", "x", GREY, -0.22),
        (told("its settings", theirs["epochs"], at_theirs), "circle", look(0).colour, 0.0),
        (told("chosen here", ours["retrain_epochs"], at_ours), "square", look(1).colour, 0.22),
    )
    known = [
        {row["method"]: (row["source"], 0.0) for row in theirs["rows"]},
        {name: ends(run["test_accuracy"]["values"]) for name, run in at_theirs.items()},
        {name: ends(run["test_accuracy"]["values"]) for name, run in at_ours.items()},
    ]
    for (name, mark, colour, aside), values in zip(groups, known, strict=True):
        methods = [method for method in METHODS if method in values]
        figure.add_scatter(
            x=[METHODS.index(method) + aside for method in methods],
            y=[values[method][0] for method in methods],
            error_y={"array": [values[method][1] for method in methods], "thickness": 2},
            mode="markers", name=name,
            marker={"symbol": mark, "color": colour, "size": 10},
        )  # fmt: skip
    return figure.update_xaxes(tickvals=list(range(len(METHODS))), ticktext=METHODS)


def of_cross_validation(ours: Record) -> go.Figure:
    """A line a setting, the mean over folds; the choice is thick, the source's dotted."""
    methods = [method for method in METHODS if method in ours["methods"]]
    figure = side_by_side(methods, "epoch", "validation loss")
    shown: list[float] = []
    for place, method in enumerate(methods):
        found = ours["methods"][method]
        for trial in found["trials"]:
            means = [fmean(row) if None not in row else math.nan for row in trial["losses"]]
            shown += [mean for mean in means if mean < FAR]  # what is worse leaves the picture
            chosen = trial["params"] == found["choice"]
            theirs = trial["params"] == found["source"]["setting"]
            figure.add_scatter(
                x=list(range(1, len(means) + 1)), y=means, mode="lines+markers", showlegend=False,
                line={
                    "color": look(place).colour if chosen or theirs else GREY,
                    "width": 3 if chosen else 2 if theirs else 1,
                    "dash": "dot" if theirs and not chosen else "solid",
                },
                marker={"size": 5, "symbol": "x" if trial["state"] == "pruned" else "circle"},
                row=place // 2 + 1, col=place % 2 + 1,
            )  # fmt: skip
    return figure.update_yaxes(**log_axis(shown))


def trained_at_theirs(record: Record) -> dict[str, Record]:
    return {row["method"]: row for row in record["rows"]}


def trained_at_ours(record: Record) -> dict[str, Record]:
    found = {name: method["retrained"] for name, method in record["methods"].items()}
    return {name: run for name, run in found.items() if run}


def told(what: str, epochs: int, run: dict[str, Record]) -> str:
    seeds = next(iter(run.values()))["seeds"]
    return f"{what}: {epochs} epochs, {seeds} seeds"


def ends(values: list[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval, by Student's t."""
    found = interval(values)
    return found["mean"], found["high"] - found["mean"]


if __name__ == "__main__":
    main()
