"""vrtune delete: a study goes when its user says so, and what lies in files stays."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import torch

from vrtune.cli import delete as deleting
from vrtune.storages.opening import open_storage
from vrtune.studies.alive import identity
from vrtune.studies.artifacts import artifact_folder, own_artifacts
from vrtune.studies.checkpoints import Checkpoint, Checkpoints
from vrtune.studies.leases import WORKER

Run = Callable[..., str]
Complain = Callable[..., str]
STUDY, URL = "sgd-digits-softmax", "sqlite:///studies.db"
SMALL = (
    *("--model", "softmax", "--folds", "2", "--epochs", "1", "--limit", "100"),
    *("--jobs", "1", "--retrain", "0"),
)


def names(run: Run, *options: str) -> list[str]:
    return [
        row["study"] for row in json.loads(run("list", "studies", "--json", *options))["studies"]
    ]


def answering(monkeypatch: pytest.MonkeyPatch, answer: bool) -> list[str]:
    """A terminal at which someone answers; returns what is asked."""
    asked: list[str] = []
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr(deleting, "_is_terminal", lambda: True)
    monkeypatch.setattr(
        deleting.typer, "confirm", lambda question, **_: asked.append(question) or answer
    )
    return asked


def test_with_yes_it_goes_and_its_weights_stay(studies: Path, run: Run) -> None:
    weights = sorted(studies.rglob("*.safetensors"))
    said = run("delete", STUDY, "--yes").splitlines()
    assert said == [f"deleted {STUDY}", f"its weights and curves stay in studies/{STUDY}"]
    assert names(run) == []
    assert sorted(studies.rglob("*.safetensors")) == weights


def test_the_files_of_its_trials_go_and_others_stay(studies: Path, run: Run) -> None:
    run("search", "sgd", "--study", "other", *SMALL, "--trials", "1")
    folder, storage = artifact_folder(URL), open_storage(URL)
    theirs = own_artifacts(optuna.load_study(study_name="other", storage=storage))
    assert len(theirs) == 2
    assert len(list(folder.iterdir())) == 6
    run("delete", STUDY, "--yes")
    assert {path.name for path in folder.iterdir()} == theirs


@pytest.mark.usefixtures("studies")
def test_it_says_where_files_of_its_trials_stay(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: object, name: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("optuna.artifacts.FileSystemArtifactStore.remove", refused)
    said = run("delete", STUDY, "--yes").splitlines()
    assert said[1] == "files of its trials stay in studies/artifacts/studies.db (Permission denied)"
    assert names(run) == []


@pytest.mark.usefixtures("studies")
def test_its_checkpoints_go_and_others_stay(run: Run) -> None:
    run("search", "sgd", "--study", "other", *SMALL, "--trials", "1")
    storage, written = open_storage(URL), Checkpoint({"W": torch.zeros(2)}, {})
    kept = [
        Checkpoints(optuna.load_study(study_name=name, storage=storage), URL)
        for name in (STUDY, "other")
    ]
    for checkpoints in kept:
        checkpoints.write(0, written, {})
    assert run("delete", STUDY, "--yes").startswith(f"deleted {STUDY}\n")
    assert [checkpoints.folder.exists() for checkpoints in kept] == [False, True]


@pytest.mark.usefixtures("studies")
def test_it_says_where_checkpoints_stay(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checkpoints, "remove_all", lambda self: "Permission denied")
    said = run("delete", STUDY, "--yes").splitlines()
    assert said[1].startswith("its checkpoints stay in studies/checkpoints/studies.db/")
    assert said[1].endswith(" (Permission denied)")


@pytest.mark.usefixtures("studies")
def test_without_a_terminal_or_yes_it_stays(run: Run, complain: Complain) -> None:
    assert "give --yes" in complain("delete", STUDY, status=2)
    assert names(run) == [STUDY]


@pytest.mark.usefixtures("studies")
def test_at_a_terminal_it_asks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from vrtune.cli.main import app

    asked = answering(monkeypatch, False)
    done = CliRunner().invoke(app, ["delete", STUDY])
    assert (done.exit_code, done.stdout) == (1, "nothing was deleted\n")
    assert asked == [f"Delete study {STUDY} in {URL} (2 complete)?"]
    assert names(run) == [STUDY]
    answering(monkeypatch, True)
    assert CliRunner().invoke(app, ["delete", STUDY]).exit_code == 0
    assert names(run) == []


@pytest.mark.usefixtures("studies")
def test_a_study_that_is_searched_needs_force(run: Run, complain: Complain) -> None:
    trial = optuna.load_study(study_name=STUDY, storage=open_storage(URL)).ask()
    trial.set_user_attr(WORKER, identity())
    said = complain("delete", STUDY, "--yes", status=1)
    assert "2 complete, 1 running, searching now" in said
    trial.set_user_attr(WORKER, {**identity(), "host": "elsewhere"})
    assert "give --force" in complain("delete", STUDY, "--yes", status=1)
    run("delete", STUDY, "--yes", "--force")
    assert names(run) == []


@pytest.mark.usefixtures("empty")
def test_a_study_of_another_program_and_of_any_name(run: Run, complain: Complain) -> None:
    for url in (URL, "studies.log"):
        storage = open_storage(url)
        for name in ("theirs", "-x", "two\nlines", "my study"):
            optuna.create_study(study_name=name, storage=storage, directions=["minimize"] * 2)
        options = ("--storage", url)
        assert "there is no study 'none'" in complain("delete", "none", "--yes", *options, status=2)
        assert run("delete", "--yes", *options, "--", "-x") == "deleted -x\n"
        assert run("delete", "two\nlines", "--yes", *options) == "deleted two\\nlines\n"
        assert names(run, *options) == ["theirs", "my study"]


@pytest.mark.usefixtures("empty")
def test_no_storage_is_made(complain: Complain) -> None:
    assert "studies.db" in complain("delete", "x", "--yes", status=2)
    assert not Path("studies.db").exists()


@pytest.mark.usefixtures("studies")
def test_a_study_that_went_meanwhile(complain: Complain, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(**_: object) -> None:
        raise KeyError("no such study")

    monkeypatch.setattr(optuna, "delete_study", gone)
    assert "is gone" in complain("delete", STUDY, "--yes", status=1)
