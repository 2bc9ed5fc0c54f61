"""A user's own estimator, step rule and schedule, in files outside the package.

Every step is a process of its own, as a user's are: nothing is known from the one before.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parent / "reference"
SEARCH = (
    *("search", "spaces/own_space.py", "--model", "softmax", "--epochs", "2", "--limit", "120"),
    *("--folds", "2", "--trials", "4", "--jobs", "2", "--lanes", "2", "--fuse", "off"),
    *("--study", "own", "--retrain", "0"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the space and the units in it, and a finished study of two processes."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "spaces").mkdir()
    for name in ("own_space.py", "own_units.py"):
        shutil.copy(REFERENCE / name, folder / "spaces")
    vrtune(folder, *SEARCH)
    return folder


def vrtune(folder: Path, *words: str) -> str:
    """What a command printed."""
    command = [sys.executable, "-m", "vrtune.cli.main", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """A program of the user's."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_they_are_searched_in_two_processes(folder: Path) -> None:
    shown = json.loads(vrtune(folder, "show", "own", "--json"))
    assert shown["trials"]["complete"] + shown["trials"]["pruned"] == 4


def test_they_are_trained_again_and_diagnosed(folder: Path) -> None:
    (again,) = json.loads(vrtune(folder, "retrain", "own", "--seeds", "2", "--json"))["retrained"]
    assert again["test_accuracy"]["mean"] > 0.2
    found = json.loads(vrtune(folder, "diagnose", "own", "--json"))
    assert found["config"]["estimator"] == {"kind": "averaged", "epoch": 0.5, "mode": "sum"}


def test_exported_and_back(folder: Path) -> None:
    vrtune(folder, "export", "own", "-o", "own.json")
    kept = json.loads((folder / "own.json").read_text())
    assert kept["provenance"]["units"] == {
        "averaged": "own_units.Averaged",
        "sign": "own_units.Sign",
        "line": "own_units.Line",
    }
    done = python(folder, "import vrtune; vrtune.load_config('own.json')")
    assert "averaged is own_units.Averaged: give its file" in done.stderr
    done = python(
        folder,
        "import vrtune\n"
        "back = vrtune.load_config('own.json', units='spaces/own_units.py')\n"
        "print(back.model_dump_json())",
    )
    assert json.loads(done.stdout) == kept, done.stderr


@pytest.mark.slow
def test_exported_as_a_program(folder: Path) -> None:
    vrtune(folder, "export", "own", "-o", "spaces/own.py")
    text = (folder / "spaces" / "own.py").read_text()
    assert "from own_units import Averaged, Line, Sign\n" in text
    assert 'estimator=Averaged(epoch=0.5, mode="sum")' in text
    done = subprocess.run(
        [sys.executable, "own.py"], cwd=folder / "spaces", capture_output=True, text=True
    )
    assert "test accuracy: " in done.stdout, done.stderr


def test_a_study_whose_units_are_gone_says_so(folder: Path, tmp_path: Path) -> None:
    for name in ("studies.db", "studies.db-wal", "studies.db-shm"):
        if (folder / name).exists():
            shutil.copy(folder / name, tmp_path)
    (folder / "spaces").rename(folder / "moved")
    try:
        command = [sys.executable, "-m", "vrtune.cli.main", "retrain", "own"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    finally:
        (folder / "moved").rename(folder / "spaces")
    assert done.returncode == 2
    assert "own_space.py can't be read: No such file" in done.stderr
