"""Studies that are judged by another metric than the loss, or have no accuracy, on a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from reference.made_up import make

from vrtune import Task
from vrtune.cli.show import _task
from vrtune.cli.summary import summary
from vrtune.display.measures import Measure
from vrtune.searching.result import summarise
from vrtune.searching.timesheet import Timesheet
from vrtune.storages.opening import open_to_read
from vrtune.studies.record import load_study
from vrtune.studies.retrained import retrained

Run = Callable[..., str]
URL = "sqlite:///studies.db"
R2 = Measure("r2", "r2", "maximize")
TASK = Task(model="softmax", epochs=2, metric="r2")
GOOD, POOR = [0.1, 0.2, 0.3, 0.2], [1.5, 1.6, 1.5, 1.6]  # r2 is 1 - these


@pytest.fixture
def by_r2(empty: object) -> None:
    make(URL, "usual", GOOD)
    for name, losses in ("sgd", GOOD), ("adam", POOR):
        make(
            URL, name, POOR, losses, task=TASK, measure=R2,
            again=[0.9, 0.92], train=[0.95, 0.96], confirmed=[losses] if name == "sgd" else (),
        )  # fmt: skip


@pytest.mark.usefixtures("by_r2")
def test_a_study_is_shown_by_its_metric(run: Run) -> None:
    said = run("show", "sgd")
    assert "accuracy" not in said
    assert "metric r2" in said
    best, again = said.split("\n\n")[1:]
    assert best.splitlines()[0].split()[:7] == [
        *("trial", "validation", "r2", "over", "all", "starts", "failed")
    ]
    assert [line.split()[:2] for line in best.splitlines()[1:]] == [["1", "0.8"], ["0", "-0.55"]]
    assert again.splitlines()[0].split()[:8] == [
        *("trial", "seeds", "test", "r2", "train", "r2", "test", "loss")
    ]
    assert again.splitlines()[1].split()[:5] == ["1", "2", "0.9100", "+-", "0.0141"]
    assert "by its validation r2" in run("show", "adam")
    kept = json.loads(run("show", "sgd", "--json"))
    assert (kept["metric"], kept["direction"], kept["choice"]) == ("r2", "maximize", 1)


@pytest.mark.usefixtures("by_r2")
def test_studies_are_listed_with_what_is_best_of_them(run: Run) -> None:
    lines = {line.split()[0]: line for line in run("list", "studies").splitlines()}
    assert "0.8 r2" in lines["sgd"]
    assert "-0.55 r2" in lines["adam"]
    assert lines["usual"].split()[3:5] == ["0.2", "usual"]
    rows = json.loads(run("list", "studies", "--json"))["studies"]
    assert [row["metric"] for row in rows] == ["loss", "r2", "r2"]


@pytest.mark.usefixtures("by_r2")
def test_methods_are_compared_and_reported(run: Run) -> None:
    said = run("compare", "sgd", "adam")
    assert "validation r2" in said
    assert "accuracy" not in said
    assert "sgd" in run("report", "sgd", "adam", "-o", "r.html")


@pytest.mark.usefixtures("by_r2")
def test_a_search_says_what_it_found() -> None:
    study = load_study(open_to_read(URL), "sgd", URL)
    again = retrained(study, 1)
    assert again is not None
    found = summarise(study, URL, TASK, 1.0, [again], Timesheet())
    said = dict(summary(found))
    assert said["validation r2"] == "0.8, the mean of 4 folds"
    assert said["test r2"] == "0.9100 +- 0.0141 (2 seeds)"
    assert said["train r2"] == "0.9550 +- 0.0071"
    assert not any("accuracy" in label for label in said)
    printed = f"{found}\n{again}"
    assert "validation r2" in printed
    assert "test r2" in printed
    assert "accuracy" not in printed


def test_a_task_as_usual_is_told_as_ever() -> None:
    assert _task(Task()).endswith("precision float32, seed 1")
    said = _task(Task(metric="macro-f1", class_weights=(1, 2.5)))
    assert said.endswith("seed 1, class_weights 1 2.5, metric macro-f1")
