"""Data that moved are found by what they hold, wherever they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import optuna
import pytest
from PIL import Image

from vrtune.config import Task
from vrtune.data import load
from vrtune.errors import UsageError, VrtuneError
from vrtune.studies.data import find_data
from vrtune.studies.record import StudyRecord, open_study


def table(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    x, y = np.random.default_rng(seed).integers(0, 256, (8, 4, 4), dtype=np.uint8), np.arange(8) % 2
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    return path


def pictures(path: Path, seed: int = 0) -> Path:
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (path / part / name).mkdir(parents=True)
            x = np.random.default_rng(seed).integers(0, 256, (4, 4), dtype=np.uint8)
            Image.fromarray(x).save(path / part / name / "1.png")
    return path


def study_of(dataset: str, data_dir: str = "data") -> optuna.Study:
    """A study that searched on the data at a path."""
    record = StudyRecord(
        task=Task(dataset=dataset),
        space="sgd",
        fingerprint=load(dataset, Path(data_dir)).fingerprint,
        data_dir=data_dir,
        version="0",
    )
    return open_study(optuna.storages.InMemoryStorage(), "s", record)


make = pytest.mark.parametrize(("make", "name"), [(table, "mine.npz"), (pictures, "mine")])


@make
def test_they_are_found_where_they_were(make, name: str, tmp_path: Path) -> None:
    study = study_of(str(make(tmp_path / name)))
    for data_dir in (None, tmp_path, tmp_path / "none"):
        assert find_data(study, data_dir).name == "mine"


@make
def test_they_are_found_where_they_are_now(make, name: str, tmp_path: Path) -> None:
    study = study_of(str(make(tmp_path / name)))
    (tmp_path / "new").mkdir()
    (tmp_path / name).rename(tmp_path / "new" / name)
    assert find_data(study, tmp_path / "new").name == "mine"
    assert find_data(study, tmp_path / "new" / name).name == "mine"
    for data_dir in (None, tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match=r"are not at .*mine.* with --data-dir"):
            find_data(study, data_dir)


@make
def test_they_are_found_under_another_name(make, name: str, tmp_path: Path) -> None:
    study = study_of(str(make(tmp_path / name)))
    moved = tmp_path / f"renamed{Path(name).suffix}"
    (tmp_path / name).rename(moved)
    assert find_data(study, moved).name == "renamed"


def test_other_data_do_not_hide_them(tmp_path: Path) -> None:
    study = study_of(str(table(tmp_path / "mine.npz")))
    found = find_data(study, table(tmp_path / "new" / "mine.npz", seed=1).parent)
    assert found.fingerprint == load(str(tmp_path / "mine.npz"), tmp_path).fingerprint


def test_other_data_in_their_place_are_refused(tmp_path: Path) -> None:
    study = study_of(str(table(tmp_path / "mine.npz")))
    table(tmp_path / "mine.npz", seed=1)
    for data_dir in (None, tmp_path):
        with pytest.raises(VrtuneError, match="not the data that study 's' searched on"):
            find_data(study, data_dir)


def test_a_named_set_is_read_from_its_folder(tmp_path: Path) -> None:
    assert find_data(study_of("digits"), tmp_path).name == "digits"
