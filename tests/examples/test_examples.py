"""The examples do what they say, each in a fresh interpreter and an empty folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NEEDS = {
    "lightning_loop.py": "lightning",
    "skorch_classifier.py": "skorch",
    "hydra_loop.py": "hydra",
}
ENOUGH = 0.8  # a linear model of the pixels reaches 0.87; a guess 0.1


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def vrtune(folder: Path, *words: str) -> str:
    return run(folder, "-m", "vrtune.cli.main", *words)


SLOW = {"skorch_classifier.py", "lightning_loop.py"}  # other packages around the same loop


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(path.name, marks=pytest.mark.slow if path.name in SLOW else ())
        for path in sorted(EXAMPLES.glob("*.py"))
    ],
)
def test_a_loop_learns(name: str, tmp_path: Path) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    said = run(tmp_path, str(EXAMPLES / name))
    found = re.search(r"test accuracy (0\.\d+)", said)
    assert found, said
    assert float(found[1]) > ENOUGH, said


@pytest.mark.slow
def test_hydra_chooses(tmp_path: Path) -> None:
    """Another of its files, which the other tests of Hydra don't make."""
    pytest.importorskip("hydra")
    said = run(tmp_path, str(EXAMPLES / "hydra_loop.py"), "optimizer=storm")
    assert float(said.split()[-1]) > ENOUGH, said


@pytest.mark.slow
def test_own_files_go_all_the_way(tmp_path: Path) -> None:
    """A model, data, a loss and a metric in files: searched by two processes, trained again and
    exported, in a folder that holds nothing else. The README's blocks diagnose such a study."""
    pytest.importorskip("pytorch_optimizer")
    folder = tmp_path / "own"
    shutil.copytree(EXAMPLES / "own", folder)
    own = ["--dataset", "./data.py:load", "--model", "./net.py:Net", "--loss", "./judge.py:focal"]
    size = "--limit 200 --epochs 2 --trials 2 --folds 2 --jobs 2 --retrain-seeds 1 --confirm 1"
    found = json.loads(
        vrtune(
            folder,
            *("search", "./lion.py", *own, "--metric", "./judge.py:top2", *size.split()),
            *("--json", "--study", "mine"),
        )
    )
    best = found["best"]
    assert 0.2 < best["value"] <= 1
    vrtune(folder, "retrain", "mine", "--seeds", "2")
    vrtune(folder, "export", "mine", "-o", "mine.json")
    kept = json.loads((folder / "mine.json").read_text())
    assert kept["protocol"]["model"] == f"{folder}/net.py:Net"
    assert kept["config"]["optimizer"]["name"] == "pytorch_optimizer.Lion"
    vrtune(folder, "export", "mine", "-o", "train.py")
    said = run(folder, "train.py", "--epochs", "1")
    assert "top2" in said
