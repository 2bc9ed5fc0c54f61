"""A benchmark's record says how it was made, and nothing that only its machine knows."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("record")


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("--lr", "--lr"),
        ("0.1", "0.1"),
        ("spaces/mine.py", "spaces/mine.py"),
        ("/home/me/data/mnist", "mnist"),
        ("/home/me/data/", "data"),
        ("../../me/data", "data"),
        ("--data-dir=/home/me/data", "--data-dir=data"),
        ("--epochs=3", "--epochs=3"),
        ("sqlite:////home/me/studies.db", "sqlite://..."),
        ("--storage=postgresql://me:secret@host/db?a=b", "--storage=postgresql://..."),
    ],
)
def test_no_path_of_this_machine_is_kept(record: ModuleType, word: str, kept: str) -> None:
    assert record.shortened(word) == kept


def test_what_is_written(
    record: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = [str(BENCHMARKS / "throughput.py"), "--data-dir", str(tmp_path / "my data")]
    argv += ["--output-dir", str(tmp_path / "new"), "--steps", "3"]
    monkeypatch.setattr(sys, "argv", argv)
    stem = tmp_path / "new" / "throughput-lenet-cpu"
    record.write(stem, torch.device("cpu"), 3, {"rows": [{"lanes": 4}]})
    found = json.loads(stem.with_suffix(".json").read_text())
    assert found["command"] == "python benchmarks/throughput.py --data-dir 'my data' --steps 3"
    assert found["device"].endswith(f", {found['cores']} cores")
    assert found["torch"] == torch.__version__
    assert {"vrtune", "python"} < found.keys()
    assert found["n"] == 3
    assert found["rows"] == [{"lanes": 4}]
    assert [path.suffix for path in stem.parent.iterdir()] == [".json"]
