"""A study to train again: searched once, copied for each test."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest

from vrtune import Task, search
from vrtune.storages.opening import open_storage
from vrtune.studies.record import load_study

TASK = Task(model="softmax", folds=2, epochs=2, limit=120)


@dataclass(frozen=True)
class Searched:
    """A study named s of two complete trials, in a folder of the test's own."""

    folder: Path
    url: str

    @property
    def study(self) -> optuna.Study:
        return load_study(open_storage(self.url), "s", self.url)

    @property
    def results(self) -> Path:
        return self.folder / "studies" / "s"


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database, to be copied."""
    folder = tmp_path_factory.mktemp("retraining")
    search("sgd", TASK, trials=2, jobs=1, study="s", storage=folder / "x.journal", retrain=0)
    return folder / "x.journal"


@pytest.fixture
def searched(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Searched:
    monkeypatch.chdir(tmp_path)
    shutil.copy(original, tmp_path)
    return Searched(tmp_path, str(tmp_path / original.name))
