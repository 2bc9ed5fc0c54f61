"""vrtune show: how a study was searched, what its best trials did on fresh starts, the choice."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from vrtune import Task, search
from vrtune.cli.show import Shown, _over_all
from vrtune.storages.opening import open_storage
from vrtune.studies.choice import ATTRIBUTE, Confirmed, confirmation, ranked
from vrtune.studies.leases import put_back
from vrtune.studies.record import RECORD, load_study
from vrtune.studies.searches import SEARCH, SEARCHES

Run = Callable[..., str]
Complain = Callable[..., str]
TASK = Task(epochs=2, limit=200, folds=2, model="softmax")
BEGINS = SEARCH.partition("{")[0]
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


def entry(study: optuna.Study) -> tuple[str, dict[str, Any]]:
    """The attribute of its one search."""
    return next((n, kept) for n, kept in study.user_attrs.items() if n.startswith(BEGINS))


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
    assert heading[:4] == ["trial", "validation loss", "over all starts", "failed"]
    assert [[row[0], *row[2:4]] for row in rows] == [
        [str(second), "0.4", "0 of 4"],
        [str(first), "0.4", "1 of 4"],
    ]
    assert lines(said)["choice"] == [f"trial {second}, the best of those that were confirmed"]
    told = json.loads(run("show", STUDY, "--json"))
    assert told["choice"] == told["best"][0]["number"] == second
    assert (told["confirmed"], told["confirm_gradient_computations"]) == (2, 16.0)
    kept = confirmation(study, second)
    assert kept
    assert told["best"][0]["confirmed"] == kept.model_dump(mode="json")


def test_a_diverged_start_is_no_mean() -> None:
    trial = Shown(
        number=0, value=0.5, params={}, fold_values=None, gradient_computations=None,
        seconds=None, confirmed={"mean": None, "failed": 1, "trainings": 4}, edges=[],
    )  # fmt: skip
    assert _over_all(trial) == ("diverged", "1 of 4")
    assert _over_all(trial.model_copy(update={"confirmed": None})) == (0.5, "-")


@pytest.mark.usefixtures("studies")
def test_trials_that_wait_are_not_taken_for_those_of_others(run: Run) -> None:
    """They have no settings yet."""
    opened().enqueue_trial({"lr": 0.1}, user_attrs={"again": 0})
    assert json.loads(run("show", STUDY, "--json"))["foreign"] == 0
    assert "not run by vrtune" not in run("show", STUDY)


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
    study = opened()
    name, _ = entry(study)
    study.set_user_attr(name, {"plan": "looped gradients, 2 lanes", "processes": 1})
    said = lines(run("show", STUDY))
    assert "trials" in said
    assert not {"searched by", "ranges", "trained with"} & set(said)
    assert json.loads(run("show", STUDY, "--json"))["searches"] == []


@pytest.mark.usefixtures("empty")
def test_a_study_without_a_complete_trial(run: Run) -> None:
    search("sgd", TASK, trials=1, jobs=1, timeout=1e-9, retrain=0, storage=URL)
    said = lines(run("show", STUDY))
    assert said["trials"] == ["none yet"]
    assert "choice" not in said
    assert said["searched by"] == ["sampler auto, pruner folds, start on"]
    assert json.loads(run("show", STUDY, "--json"))["choice"] is None


def added(value: float, **attributes: object) -> optuna.trial.FrozenTrial:
    """A complete trial that vrtune did not run."""
    ranges = {"lr": FloatDistribution(1e-5, 1.0, log=True)}
    return create_trial(
        params={"lr": 0.25}, distributions=ranges, value=value, user_attrs=attributes
    )


@pytest.mark.usefixtures("studies")
def test_a_trial_that_was_added_by_hand_is_told_apart(run: Run) -> None:
    opened().add_trial(added(0.001))
    told = json.loads(run("show", STUDY, "--json"))
    assert told["foreign"] == 1
    assert 2 not in [trial["number"] for trial in told["best"]]
    assert lines(run("show", STUDY))["trials"] == [
        "3 complete; 1 of them was not run by vrtune and is no candidate"
    ]


@pytest.mark.usefixtures("studies")
def test_a_study_of_trials_that_were_all_added_by_hand(run: Run) -> None:
    record = opened().user_attrs[RECORD]
    study = optuna.create_study(study_name="by hand", storage=open_storage(URL))
    study.set_user_attr(RECORD, record)
    study.add_trial(added(0.5))
    study.add_trial(added(math.inf))
    said = lines(run("show", "by hand"))
    assert said["trials"] == ["2 complete; 2 of them were not run by vrtune and are no candidates"]
    told = json.loads(run("show", "by hand", "--json"))
    assert (told["best"], told["choice"], told["foreign"]) == ([], None, 2)


NONSENSE = [3, "x", [], {}, [[{}]], {"trial": "x"}, ["a"], -1.5, True, {"attributes": 3}]


@pytest.mark.usefixtures("studies")
def test_attributes_of_any_kind_are_borne(run: Run) -> None:
    """Those that another program, or a fault of a disk, has put in the place of vrtune's own."""
    study = opened()
    name, kept = entry(study)
    best = ranked(study)[0].number
    for nonsense in NONSENSE:
        study.set_user_attr(name, {**kept, "ranges": {"lr": {"attributes": nonsense}}})
        study.set_user_attr(SEARCHES, [nonsense, nonsense])
        study.set_user_attr(BEGINS, nonsense)
        for result in (f"retrain-{best}", ATTRIBUTE.format(best)):
            study.set_user_attr(result, nonsense)
        names = ("config", "fold_values", "gradient_computations", "seconds", "again", "worker")
        study.add_trial(added(0.01, **dict.fromkeys(names, nonsense)))
        study.ask().set_user_attr("worker", nonsense)
        said = run("show", STUDY)
        assert "lr of unknown range" in said
        assert json.loads(run("show", STUDY, "--json"))["retrained"] == []
    study.set_user_attr(SEARCHES, 3)
    study.set_user_attr(name, 3)
    assert "searched by" not in run("show", STUDY)


@pytest.mark.usefixtures("studies")
def test_seeds_that_failed_are_explained(run: Run) -> None:
    study = opened()
    name = f"retrain-{ranked(study)[0].number}"
    study.set_user_attr(name, {**study.user_attrs[name], "failed": 1})
    said = run("show", STUDY)
    assert "2, 1 failed" in said
    assert "1 of 2 seeds diverged or learned little, so this setting" in said


@pytest.mark.usefixtures("studies")
def test_train_accuracy_stands_beside_test_accuracy_where_it_is_known(run: Run) -> None:
    study = opened()
    first, second = (f"retrain-{trial.number}" for trial in ranked(study))
    kept = study.user_attrs[first]
    spread = {"mean": 0.75, "std": 0.125, "values": [0.5, 1.0]}
    study.set_user_attr(first, {**kept, "train_accuracy": spread})
    heading, row = shown_again(run)
    assert heading[2:5] == ["test accuracy", "train accuracy", "test loss"]
    assert row[3] == "0.7500 +- 0.1250"
    older = {name: value for name, value in kept.items() if name in OLDER}
    study.set_user_attr(second, {**older, "trial": int(second.partition("-")[2])})
    assert [row[3] for row in shown_again(run)] == ["train accuracy", "0.7500 +- 0.1250", "-"]
    study.set_user_attr(first, older)
    assert shown_again(run)[0][3] == "test loss"


def shown_again(run: Run) -> list[list[str]]:
    """The rows of what was trained again, with their heading."""
    return [re.split(r"  +", line) for line in run("show", STUDY).split("\n\n")[2].splitlines()]


OLDER = (  # what older versions keep
    *("trial", "seeds", "test_accuracy", "test_loss", "train_losses"),
    *("gradient_computations", "failed", "folder"),
)


@pytest.mark.usefixtures("studies")
def test_a_study_of_another_program_is_left_to_others(complain: Complain) -> None:
    pareto = optuna.create_study(
        study_name="pareto", storage=open_storage(URL), directions=["minimize", "maximize"]
    )
    pareto.tell(pareto.ask(), (1.0, 2.0))
    odd = optuna.create_study(study_name="odd", storage=open_storage(URL))
    odd.set_user_attr(RECORD, {"task": {"folds": "many"}})
    odd.tell(odd.ask(), state=TrialState.FAIL)
    for name in ("pareto", "odd"):
        said = complain("show", name, status=2)
        assert said.startswith(f"study '{name}' was not made by this vrtune: vrtune list studies")


@pytest.mark.usefixtures("studies")
def test_no_string_of_a_study_drives_the_terminal(run: Run) -> None:
    study = opened()
    record = study.user_attrs[RECORD]
    study.set_user_attr(RECORD, {**record, "space": "sgd\x1b[2J", "data_dir": "a\nb"})
    name, kept = entry(study)
    odd = {"data_dir": "\x1b]0;title\x07", "sampler": "tpe\r", "default": {"l\u202er": "\x9b"}}
    study.set_user_attr(name, {**kept, **odd})
    name = f"retrain-{ranked(study)[0].number}"
    study.set_user_attr(name, {**study.user_attrs[name], "folder": "\x1b[31mred"})
    said = run("show", STUDY)
    assert all(line.isprintable() for line in said.splitlines())
    assert {r"sgd\x1b[2J", r"\x1b]0;title\x07", r"\x1b[31mred", r"l\u202er=\x9b"} <= set(
        said.split()
    )


@pytest.mark.usefixtures("studies")
def test_it_says_what_interrupted_trials_cost(run: Run) -> None:
    assert "interrupted" not in lines(run("show", STUDY))
    study = opened()
    before = json.loads(run("show", STUDY, "--json"))
    trial = study.ask()
    trial.suggest_float("lr", 1e-5, 10, log=True)
    trial.report(1.0, 1)
    trial.set_user_attr("gradient_computations", 12.0)
    put_back(study, study.get_trials()[trial.number])
    assert lines(run("show", STUDY))["interrupted"] == ["12 gradient computations, 1 epoch"]
    told = json.loads(run("show", STUDY, "--json"))
    costs = {"epochs": 1, "repeated": 0, "gradient_computations": 12.0}
    assert told["interrupted"] == {"trials": 1, **costs}
    assert told["gradient_computations"] == before["gradient_computations"] + 12
