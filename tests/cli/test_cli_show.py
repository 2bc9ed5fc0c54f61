"""vrtune show: how a study was searched, what its best trials did on fresh starts, the choice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from vrtune import Task, search
from vrtune.cli.show import _fresh
from vrtune.studies.choice import ATTRIBUTE, Confirmed, confirmation, ranked
from vrtune.studies.record import load_study
from vrtune.studies.searches import SEARCHES
from vrtune.studies.storage import open_storage

Run = Callable[..., str]
TASK = Task(epochs=2, limit=200, folds=2, model="softmax")
STUDY, URL = "sgd-digits-softmax", "sqlite:///studies.db"
NARROW = """
from vrtune import SGD, TrialConfig

DEFAULT = {"lr": 0.1, "mode": "b"}


def suggest(trial):
    trial.suggest_categorical("mode", ["a", "b"])
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 1e-3, 0.1, log=True)))
"""


def opened(name: str = STUDY) -> optuna.Study:
    return load_study(open_storage(URL), name, URL)


def lines(said: str) -> dict[str, list[str]]:
    """Values by their labels, above the tables."""
    found: dict[str, list[str]] = {}
    for line in said.partition("\n\n")[0].splitlines():
        found.setdefault(line[:24].strip(), []).append(line[24:])
    return found


def table(said: str) -> list[list[str]]:
    """The rows of the best trials, with their heading."""
    return [re.split(r"  +", line) for line in said.split("\n\n")[1].splitlines()]


@pytest.mark.usefixtures("studies")
def test_it_says_how_a_study_was_searched(run: Run) -> None:
    search("sgd", TASK, trials=1, jobs=1, sampler="random", retrain=0)
    search("sgd", TASK, trials=1, jobs=1, sampler="random", retrain=0)
    told = json.loads(run("show", STUDY, "--json"))
    said = lines(run("show", STUDY))
    assert said["searched by"] == [
        "sampler auto, pruner folds, start on",
        "sampler random, pruner folds (2 searches)",
    ]
    assert said["ranges"] == ["lr 1e-05 .. 10 (log)"]
    assert said["began with"] == ["lr=0.1"]
    assert said["data from"] == [str(Path("data").resolve())]
    (versions,) = said["trained with"]
    assert re.fullmatch(r"vrtune \S+, torch \S+, optuna \S+, Python \S+, cpu", versions)
    spent, more = told["gradient_computations"], told["confirm_gradient_computations"]
    assert said["gradient computations"] == [
        f"{spent:,.0f}, and {more:,.0f} to confirm {told['confirmed']}"
    ]
    assert [entry["sampler"] for entry in told["searches"]] == ["auto", "random", "random"]
    assert told["searches"][0]["ranges"]["lr"]["attributes"]["high"] == 10.0
    assert sum(entry["gradient_computations"] for entry in told["searches"]) == spent > 0
    assert all("workers" not in entry for entry in told["searches"])


@pytest.mark.usefixtures("studies")
def test_it_shows_the_confirmed_trials_and_the_choice(run: Run) -> None:
    study = opened()
    first, second = (trial.number for trial in ranked(study))
    losses: list[list[float | None]] = [[0.5, 0.25]]
    for number, failed in ((first, 1), (second, 0)):
        kept = Confirmed(
            trial=number, losses=losses, accuracies=[[0.9, 0.9]], failed=failed, trainings=4,
            gradient_computations=8.0, mean=0.4,
        )  # fmt: skip
        study.set_user_attr(ATTRIBUTE.format(number), kept.model_dump(mode="json"))
    said = run("show", STUDY)
    heading, *rows = table(said)
    assert heading[:4] == ["trial", "validation loss", "fresh starts", "failed"]
    assert [[row[0], *row[2:4]] for row in rows] == [
        [str(second), "0.375", "0 of 4"],
        [str(first), "0.375", "1 of 4"],
    ]
    assert lines(said)["choice"] == [f"trial {second}, the best of those that were confirmed"]
    told = json.loads(run("show", STUDY, "--json"))
    assert told["choice"] == told["best"][0]["number"] == second
    assert (told["confirmed"], told["confirm_gradient_computations"]) == (2, 16.0)
    kept = confirmation(study, second)
    assert kept
    assert told["best"][0]["confirmed"] == kept.model_dump(mode="json")


def test_a_diverged_start_is_no_mean() -> None:
    one = {"losses": [[0.5, None]], "failed": 1, "trainings": 4}
    assert _fresh(one) == ("diverged", "1 of 4")
    assert _fresh(None) == (None, "-")


@pytest.mark.usefixtures("empty")
def test_a_choice_without_confirmation_at_the_edge_of_its_range(run: Run) -> None:
    Path("narrow.py").write_text(NARROW)
    search("narrow.py", TASK, trials=2, jobs=1, retrain=0)
    said = run("show", "narrow-digits-softmax")
    told = json.loads(run("show", "narrow-digits-softmax", "--json"))
    best = told["best"][0]
    assert best["params"]["lr"] == 0.1
    note = "lr = 0.1 lies at the upper end of its range 0.001 .. 0.1: widen it in the search space"
    assert best["edges"] == lines(said)["note"] == [note]
    assert lines(said)["ranges"] == ["mode of 'a', 'b', lr 0.001 .. 0.1 (log)"]
    assert lines(said)["choice"] == [f"trial {best['number']}, the best by its validation loss"]
    assert table(said)[0] == ["trial", "validation loss", "gradient computations", "parameters"]
    assert best["confirmed"] is None


@pytest.mark.usefixtures("studies")
def test_a_study_of_an_older_version_is_shown(run: Run) -> None:
    opened().set_user_attr(SEARCHES, [{"plan": "looped gradients, 2 lanes", "processes": 1}])
    said = lines(run("show", STUDY))
    assert "trials" in said
    assert not {"searched by", "ranges", "trained with"} & set(said)
    assert json.loads(run("show", STUDY, "--json"))["searches"] == []


def test_a_study_without_a_complete_trial(run: Run, empty: Path) -> None:
    search("sgd", TASK, trials=1, jobs=1, timeout=1e-9, retrain=0, storage=URL)
    said = lines(run("show", STUDY))
    assert said["trials"] == ["none yet"]
    assert "choice" not in said
    assert said["searched by"] == ["sampler auto, pruner folds, start on"]
    assert json.loads(run("show", STUDY, "--json"))["choice"] is None
