"""vrtune diagnose on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import optuna
import pytest

from vrtune import Task, search
from vrtune.storages.opening import open_storage
from vrtune.studies.record import RECORD, load_study

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
    page = (empty / "s-trial-1-variance.html").read_text()
    assert page.count("plotly.js v") == 1  # whole, and once
    assert not re.search(r'<(script|link|img)[^>]* (src|href)="(?!data:)', page)
    assert "default-src 'none'" in page  # nothing is fetched
    for title in ("variance ratio", "distance to the snapshot", "curvature"):
        assert f"svrg, trial 1: {title}</h" in page


def test_json_is_one_object(study: str, empty: Path, run) -> None:
    said = run("diagnose", study, "--json", "-o", "out.html", "--epochs", "3")
    found = json.loads(said)
    assert len(found["train_losses"]) == 3
    assert found["readings"]
    assert (empty / "out.html").exists()


def test_a_figure_goes_where_it_is_asked_to(
    study: str, empty: Path, run, complain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(empty))
    run("diagnose", study, "--epochs", "1", "--intervals", "1", "-o", "~/out.html")
    assert (empty / "out.html").exists()
    (empty / "folder").mkdir()
    for path, said in (("none/x.html", "No such file"), ("folder", "it is a folder")):
        assert said in complain("diagnose", study, "-o", path, status=1)


def test_a_study_named_by_another_program_writes_its_figure_here(empty: Path, run) -> None:
    """Its name leads nowhere else, and is no HTML either."""
    search("sgd", TASK, trials=1, study="s", jobs=1, retrain=0)
    ours = load_study(open_storage("sqlite:///studies.db"), "s", "")
    theirs = optuna.create_study(study_name="../<b>x", storage="sqlite:///studies.db")
    theirs.set_user_attr(RECORD, ours.user_attrs[RECORD])
    theirs.add_trials(ours.get_trials())
    before = set(empty.parent.iterdir())
    run("diagnose", "../<b>x", "--epochs", "1", "--intervals", "1")
    assert set(empty.parent.iterdir()) == before
    assert len(list(empty.glob("*-trial-0-variance.html"))) == 1
