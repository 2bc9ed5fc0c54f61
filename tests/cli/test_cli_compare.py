"""vrtune compare: a table and what it says, in whatever format, into whatever file."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from reference.made_up import TASK, make

from vrtune import compare
from vrtune.comparing.compare import Comparison
from vrtune.config import Task

Run = Callable[..., str]
Complain = Callable[..., str]
STUDY, URL = "sgd-digits-softmax", "sqlite:///studies.db"
EVEN, ODD = [0.20, 0.24, 0.22, 0.26], [0.70, 0.75, 0.71, 0.77]
CODE = """
import sys
from typer.testing import CliRunner
from vrtune.cli.main import app
done = CliRunner().invoke(app, ["compare"])
assert done.exit_code == 0, done.output
heavy = {"torch", "sklearn", "pandas", "plotly", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture
def two(empty: Path) -> Comparison:
    """Two studies in the storage of the folder that commands run in."""
    make(URL, "sgd", ODD, pruned=1, again=[0.70, 0.72, 0.71])
    make(URL, "adam", EVEN, again=[0.9, 0.921, 0.911])
    return compare()


def test_it_prints_the_table_and_the_conclusion(two: Comparison, run: Run) -> None:
    said = run("compare")
    assert said == two.text(100) + "\n"
    assert said.splitlines()[1].split() == [
        *("sgd", "0.7325", "+-", "0.0330", "0.2675", "+-", "0.0330"),
        *("0.7100", "+-", "0.0100", "-"),
    ]
    assert "adam wins" in said.partition("conclusion")[2]


def test_studies_are_compared_in_the_order_they_are_named(two: Comparison, run: Run) -> None:
    said = run("compare", "adam", "sgd", "adam")
    lines = said.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["adam", "sgd"]
    assert "adam - sgd" in said
    assert "first - second" not in run("compare", "adam")


def test_every_format(two: Comparison, run: Run) -> None:
    assert run("compare", "--format", "markdown") == two.markdown()
    assert run("compare", "--format", "latex") == two.latex()
    assert run("compare", "--format", "csv") == two.csv()
    assert run("compare", "--format", "csv", "--pairs") == two.csv(pairs=True)
    assert Comparison.model_validate_json(run("compare", "--json")) == two
    assert run("compare", "--format", "json") == run("compare", "--json")


def test_all_pairs_and_no_more(two: Comparison, run: Run) -> None:
    said = run("compare", "--pairs")
    assert said == two.text(100, pairs=True) + "\n"
    assert said.startswith("first - second")
    assert "conclusion" not in said


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("a.md", "| method"),
        ("a.tex", "% needs"),
        ("a.csv", "method,study"),
        ("a.JSON", '{"task"'),
        ("a.txt", "method "),
        ("a", "method "),
    ],
)
def test_a_file_is_written_in_the_format_of_its_suffix(
    name: str, begins: str, two: Comparison, run: Run
) -> None:
    assert run("compare", "-o", name) == ""
    assert Path(name).read_text().startswith(begins)


def test_a_format_goes_before_a_suffix(two: Comparison, run: Run) -> None:
    run("compare", "-o", "a.txt", "--format", "csv", "--pairs")
    assert len(list(csv.DictReader(Path("a.txt").read_text().splitlines()))) == len(two.differences)


def test_a_file_that_cant_be_written_is_told_before_the_work(complain: Complain) -> None:
    said = complain("compare", "-o", "none/a.md", status=1)
    assert said.startswith("none/a.md can't be written")


def test_other_tasks_are_compared_where_that_is_asked_for(
    two: Comparison, run: Run, complain: Complain
) -> None:
    task = Task.model_validate(TASK.model_dump() | {"epochs": 9})
    make(URL, "storm", EVEN, task=task)
    said = complain("compare", status=2)
    assert said.startswith("the studies here are of 2 tasks (epochs 2: sgd, adam; epochs 9: storm)")
    said = complain("compare", "adam", "storm", status=2)
    assert said.startswith("studies 'adam' and 'storm' are of different tasks (epochs 2 and 9)")
    assert "epochs 2 and 9" in run("compare", "adam", "storm", "--any-task")


def test_the_rope_is_a_share_of_the_loss(two: Comparison, run: Run, complain: Complain) -> None:
    wide = json.loads(run("compare", "--json", "--rope", "9"))["differences"][0]
    assert wide["equal"] > 0.9
    assert wide["mean"] == two.differences[0].mean
    assert "rope: give a number above 0" in complain("compare", "--rope", "0", status=2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("x",), "there is no study 'x' in sqlite:///studies.db: it holds sgd, adam"),
        (("--format", "pdf"), "'pdf' is not one of"),
        (("--json", "--format", "csv"), "--json and --format csv are two formats: give one"),
    ],
)
def test_what_is_wrong_is_told(
    words: tuple[str, ...], says: str, two: Comparison, complain: Complain
) -> None:
    assert says in complain("compare", *words, status=2)


@pytest.mark.usefixtures("empty")
def test_where_there_is_no_storage(complain: Complain) -> None:
    assert "there is no studies.db here" in complain("compare", status=2)


@pytest.mark.usefixtures("studies")
def test_it_agrees_with_show(run: Run) -> None:
    row = json.loads(run("compare", "--json"))["rows"][0]
    shown = json.loads(run("show", STUDY, "--json"))
    best, again = shown["best"][0], shown["retrained"][0]
    assert (row["trial"], row["setting"]) == (shown["choice"], best["params"])
    assert row["validation_loss"]["mean"] == best["value"]
    assert row["validation_loss"]["values"] == best["fold_values"]
    assert row["test_accuracy"] == again["test_accuracy"]
    assert row["search_cost"] == shown["gradient_computations"]
    assert row["confirm_cost"] == shown["confirm_gradient_computations"]
    assert row["trials"] == shown["trials"]


@pytest.mark.usefixtures("studies")
def test_it_needs_no_pytorch() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)
