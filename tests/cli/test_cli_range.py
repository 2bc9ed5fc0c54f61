"""vrtune range on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TASK = ("--model", "softmax", "--folds", "2", "--limit", "120", "--steps", "30")


def test_a_table_what_it_says_and_a_figure(empty: Path, run) -> None:
    said = run("range", "sgd", *TASK)
    lines = said.splitlines()
    header = next(line for line in lines if line.startswith("fold "))
    assert header.split() == ["fold", "begins", "steepest", "lowest", "diverges"]
    assert any(line.startswith("all ") for line in lines)
    assert "suggested lr" in said
    page = (empty / "sgd-digits-softmax-range.html").read_text()
    assert page.count("plotly.js v") == 1
    assert not (empty / "studies.db").exists()


def test_json_is_one_object(empty: Path, run) -> None:
    found = json.loads(run("range", "sgd", *TASK, "--json", "-o", "x.csv"))
    assert len(found["rates"]) == 30
    assert found["suggested"][0] < found["suggested"][1]
    assert (empty / "x.csv").read_text().startswith("fold,step,learning_rate")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("storm",), "storm sets the step size itself"),
        (("sgd", "--lowest", "1", "--highest", "0.5"), "give 0 < lowest < highest"),
        (("sgd", "-o", "x.txt"), "choose a file that ends in one of"),
        (("sgd", "--steps", "3"), "at least 20"),
        (("sgd", "--epochs", "3"), "no such option"),
        (("sgd", "--patience", "3"), "no such option"),
        (("sgd", "--average", "polyak"), "no such option"),
    ],
)
def test_what_cannot_be_is_refused(
    empty: Path, complain, words: tuple[str, ...], said: str
) -> None:
    assert said in complain("range", *words, status=2)
    assert not list(empty.iterdir())
