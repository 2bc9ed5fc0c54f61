"""A study to ask about, and a way to run commands as a user would."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vrtune import Task, search
from vrtune.cli.main import app

Complain = Callable[..., str]
TASK = Task(epochs=2, limit=200, folds=2, model="softmax")
STUDY = "sgd-digits-softmax"
# say what they do, until something is wrong
WORKING = ("search", "work", "retrain", "diagnose", "replay", "report", "range", "batch-size")


def files() -> dict[Path, int]:
    """Sizes of the files here; SQLite's own come and go, and are written back when it likes."""
    return {
        p: 0 if ".db" in p.name else p.stat().st_size
        for p in Path().rglob("*")
        if not p.name.endswith(("-wal", "-shm"))
    }


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished search in it."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        search("sgd", TASK, trials=2, jobs=1, retrain_seeds=2)
    return folder


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing in it, which commands run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def studies(finished: Path, empty: Path) -> Path:
    """A folder with a finished search in it, which commands run in."""
    shutil.copytree(finished, empty, dirs_exist_ok=True)
    return empty


@pytest.fixture
def run() -> Callable[..., str]:
    """Runs a command that must succeed; returns what it printed."""

    def invoke(*args: str) -> str:
        result = CliRunner().invoke(app, list(args), prog_name="vrtune", catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)  # FORCE_COLOR may be set

    return invoke


@pytest.fixture
def complain() -> Complain:
    """Runs a command that must end in one sentence and leave the folder as it was."""

    def invoke(*args: str, status: int) -> str:
        before = files()
        result = CliRunner().invoke(app, list(args), prog_name="vrtune", catch_exceptions=False)
        assert files() == before
        assert result.exit_code == status, result.output
        said = result.stdout.splitlines()
        assert not said or (args[0] in WORKING and all(map(str.isprintable, said)))
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("error: ")
        assert "Traceback" not in lines[0]
        return lines[0].removeprefix("error: ")

    return invoke
