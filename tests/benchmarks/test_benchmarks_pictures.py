"""The documents' pictures: all that the records hold, nothing cut off, no network."""

from __future__ import annotations

import json
import math
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import plotly.graph_objects as go
import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module("pictures")


def rows(name: str) -> list[dict]:
    return json.loads((DOCS / f"{name}.json").read_text())["rows"]


def shown(figure: go.Figure) -> list[float]:
    """All values that lie within their axes."""
    found = []
    for trace in figure.data:
        axis = figure.layout["yaxis" + (trace.yaxis or "y")[1:]]
        for value in filter(None, trace.y):  # of an entry of the legend there is none
            at = math.log10(value) if axis.type == "log" else value
            if axis.range is None or axis.range[0] <= at <= axis.range[1]:
                found.append(value)
    return sorted(found)


def test_every_value_of_the_records_is_in_the_pictures(module: ModuleType) -> None:
    found = module.pictures(DOCS)
    for quantity in ("ratio", "distance", "curvature"):
        known = [r[quantity] for row in rows("figures/variance") for r in row["readings"]]
        assert shown(found[f"variance-{quantity}"]) == sorted(v for v in known if v is not None)
    for model in ("resnet18", "resnet18-small"):
        known = [
            loss
            for row in rows(f"figures/{model}-methods")
            for each in row["every_lr"]
            if each["lr"] == row["best_lr"]
            for loss in each["losses"]
        ]
        assert shown(found[f"{model}-methods"]) == sorted(known)
    for model in ("lenet", "softmax"):
        known = [
            row[way]
            for row in rows(f"benchmarks/throughput-{model}-cpu")
            for way in ("dataloader", "resident", "vrtune")
        ]
        assert shown(found[f"throughput-{model}"]) == sorted(known)
    record = json.loads((DOCS / "benchmarks" / "batch-size-digits-lenet.json").read_text())
    known = [row for curve in record["scaling"]["curves"] for row in curve["rows"]]
    drawn = set(shown(found["batch-size"]))
    assert {row["steps"] or row["most_steps"] for row in known} <= drawn


def test_each_picture_lies_in_the_documents_and_is_small(module: ModuleType) -> None:
    for name in module.pictures(DOCS):
        path = DOCS / "figures" / f"{name}.svg"
        assert path.stat().st_size < 150_000
        assert f"figures/{name}.svg)" in "".join(p.read_text() for p in DOCS.glob("*.md"))


def test_no_document_asks_a_network_for_its_figures() -> None:
    assert not list(DOCS.rglob("*.html"))
    for path in DOCS.rglob("*.svg"):
        assert not re.search(r'(href|src)="http', path.read_text()), path.name


def test_lines_that_coincide_are_both_seen(module: ModuleType) -> None:
    """Without norm SVRG and alpha-SVRG went the same way: the one below is wider."""
    figure = module.of_methods(rows("figures/resnet18-small-methods"))
    widths = {trace.name: trace.line.width for trace in figure.data}
    assert sorted(widths.values(), reverse=True) == [widths[name] for name in module.METHODS]
    assert len({trace.line.color for trace in figure.data}) == 4
