"""vrtune list: studies of every kind are shown, whoever made them."""

from __future__ import annotations

import ast
import json
import math
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from vrtune.storages.opening import open_storage
from vrtune.studies.alive import identity
from vrtune.studies.leases import CUT_OFF, WORKER
from vrtune.studies.record import RECORD

Run = Callable[..., str]
STUDY, URL = "sgd-digits-softmax", "sqlite:///studies.db"


def made(name: str, *directions: str) -> optuna.Study:
    """A study of another program."""
    storage = open_storage(URL)
    return optuna.create_study(
        study_name=name, storage=storage, directions=directions or ["minimize"]
    )


def listed(run: Run) -> dict[str, dict[str, Any]]:
    return {row["study"]: row for row in json.loads(run("list", "studies", "--json"))["studies"]}


def columns(run: Run) -> dict[str, str]:
    """Lines by what they begin with."""
    return {line.split()[0]: line for line in run("list", "studies").splitlines()}


@pytest.mark.usefixtures("studies")
def test_studies_of_others_are_listed_with_what_is_known(run: Run) -> None:
    pareto = made("pareto", "minimize", "maximize")
    pareto.tell(pareto.ask(), (1.0, 2.0))
    odd = made("odd", "maximize")
    odd.set_user_attr(RECORD, "a word that another program keeps here")
    for value in (1.0, 3.0):
        odd.tell(odd.ask(), value)
    ours, *others = listed(run).values()
    assert (ours["space"], ours["dataset"], ours["model"]) == ("sgd", "digits", "softmax")
    assert ours["best"] > 0
    assert [(other["study"], other["complete"], other["best"]) for other in others] == [
        ("pareto", 1, None),
        ("odd", 2, 3.0),
    ]
    assert {other[name] for other in others for name in ("space", "dataset", "model")} == {None}
    lines = columns(run)
    assert lines["study"].split() == ["study", "state", "best", "space", "dataset", "model"]
    assert lines["pareto"].split() == ["pareto", "1", "complete", "-", "-", "-", "-"]
    assert lines["odd"].split() == ["odd", "2", "complete", "3", "-", "-", "-"]


@pytest.mark.usefixtures("empty")
def test_the_state_of_a_study_is_told(run: Run) -> None:
    assert made("new").study_name == "new"
    busy, dead, away, cut = made("busy"), made("dead"), made("away"), made("cut")
    gone = subprocess.run(
        [sys.executable, "-c", "from vrtune.studies.alive import identity; print(identity())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for study, holder in (
        (busy, identity()),
        (dead, ast.literal_eval(gone.stdout)),
        (away, {**identity(), "host": "elsewhere"}),
    ):
        study.ask().set_user_attr(WORKER, holder)
    busy.enqueue_trial({})
    trial = cut.ask()
    trial.set_user_attr(CUT_OFF, True)
    cut.tell(trial, state=TrialState.FAIL)
    assert {name: row["state"] for name, row in listed(run).items()} == {
        "new": "no trials",
        "busy": "1 running, 1 queued, searching now",
        "dead": "1 cut off",
        "away": "1 running",
        "cut": "1 interrupted",
    }


NONSENSE: list[Any] = [None, 3, "x", [], {}, {"host": 1}, [[{}]], {"task": None}, -1.5, True]


@pytest.mark.usefixtures("empty")
def test_attributes_of_any_kind_are_borne(run: Run) -> None:
    for number, attribute in enumerate(NONSENSE):
        study = made(f"odd-{number}")
        for name in (RECORD, "searches", "retrain-0", "confirm-0"):
            study.set_user_attr(name, attribute)
        names = ("again", CUT_OFF, WORKER, "config", "fold_values", "gradient_computations")
        attributes = dict.fromkeys(names, attribute)
        study.add_trial(create_trial(value=1.0, user_attrs=attributes))
        study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=attributes))
        study.ask().set_user_attr(WORKER, attribute)
    assert {row["best"] for row in listed(run).values()} == {1.0}


@pytest.mark.usefixtures("empty")
def test_the_best_value_is_finite(run: Run) -> None:
    for name, values in {"none": [math.inf, -math.inf], "one": [math.inf, 2.0]}.items():
        study = made(name)
        for value in values:
            study.add_trial(create_trial(value=value))
    assert {name: row["best"] for name, row in listed(run).items()} == {"none": None, "one": 2.0}


@pytest.mark.usefixtures("empty")
def test_no_name_drives_the_terminal(run: Run) -> None:
    for name in ("\x1b[31mred", "two\nlines", "\u202eevil"):
        made(name).add_trial(
            create_trial(value=1.0, params={"x": 1.0}, distributions={"x": FloatDistribution(0, 2)})
        )
    said = run("list", "studies")
    assert len(said.splitlines()) == 4
    assert all(line.isprintable() for line in said.splitlines())
    assert {r"\x1b[31mred", r"two\nlines", r"\u202eevil"} <= set(said.split())
    assert set(listed(run)) == {"\x1b[31mred", "two\nlines", "\u202eevil"}


def test_the_first_line_of_a_space_in_any_encoding(empty: Path, run: Run) -> None:
    spaces = empty / "search_spaces"
    spaces.mkdir()
    (spaces / "marked.py").write_bytes(b'\xef\xbb\xbf"""Mine, from Notepad."""\n')
    (spaces / "latin.py").write_bytes('# coding: latin-1\n"""Größe."""\n'.encode("latin-1"))
    (spaces / "wrong.py").write_bytes(b'"""\xff"""\n')
    (spaces / "nul.py").write_bytes(b'"""a\0b"""\n')
    (spaces / "deep.py").write_text("x = " + "(" * 5000)
    (spaces / "folder.py").mkdir()
    (spaces / "escape.py").write_text('"""\\x1b[31mred"""\n')
    what = {
        row["space"]: row["what"] for row in json.loads(run("list", "spaces", "--json"))["spaces"]
    }
    assert what["marked"] == "Mine, from Notepad."
    assert what["latin"] == "Größe."
    unread = {name for name, said in what.items() if said.startswith("can't be read")}
    assert unread == {"wrong", "nul", "deep", "folder"}
    assert r"\x1b[31mred" in run("list", "spaces")


DAMAGE = [
    "UPDATE study_user_attributes SET value_json = '{bad' WHERE key = 'vrtune'",
    "UPDATE trial_user_attributes SET value_json = '{bad' WHERE key = 'config'",
    "UPDATE trial_values SET value_type = 'XX'",
    "UPDATE trials SET state = 'ODD'",
    "UPDATE trials SET datetime_start = 'yesterday'",
    """UPDATE trial_params SET distribution_json = '{"name": "X"}'""",
]


@pytest.mark.parametrize("statement", DAMAGE)
def test_a_value_that_has_no_meaning_is_a_sentence(
    statement: str, studies: Path, complain: Callable[..., str]
) -> None:
    with closing(sqlite3.connect(studies / "studies.db")) as database, database:
        database.execute(statement)
    for command in (["list", "studies"], ["show", STUDY], ["export", STUDY]):
        assert "studies.db holds what Optuna can't read (" in complain(*command, status=1)


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM study_directions", "UPDATE trial_params SET param_value = NULL"],
)
def test_what_is_missing_is_left_out(statement: str, studies: Path, run: Run) -> None:
    with closing(sqlite3.connect(studies / "studies.db")) as database, database:
        database.execute(statement)
    assert STUDY in listed(run)
    assert STUDY in run("show", STUDY)
