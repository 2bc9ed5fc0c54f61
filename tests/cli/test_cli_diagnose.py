"""vrtune diagnose on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vrtune import Task, search

TASK = Task(model="softmax", folds=2, epochs=2, limit=120)


@pytest.fixture
def study(empty: Path) -> str:
    search("svrg", TASK, trials=2, pruner="none", study="s", jobs=1, retrain=0)
    return "s"


def test_a_table_a_quotient_and_a_figure(study: str, empty: Path, run) -> None:
    said = run("diagnose", study, "--trial", "1", "--intervals", "1")
    lines = said.splitlines()
    header = next(line for line in lines if line.startswith("epoch "))
    assert header.split() == ["epoch", "way", "ratio", "distance", "curvature", "gradient", "norm"]
    assert "gradient quotient" in said
    page = empty / "s-trial-1-variance.html"
    assert "plotly" in page.read_text()


def test_json_is_one_object(study: str, empty: Path, run) -> None:
    said = run("diagnose", study, "--json", "-o", "out.html", "--epochs", "3")
    found = json.loads(said)
    assert len(found["train_losses"]) == 3
    assert found["readings"]
    assert (empty / "out.html").exists()
