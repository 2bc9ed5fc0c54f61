"""load: a name, a folder, a file or a function, and help for anything else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vrtune.config import Task
from vrtune.data import DATASETS, WAYS, load, of_task
from vrtune.errors import UsageError


def test_a_name_goes_to_its_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setitem(DATASETS, "made", lambda data_dir: asked.append(data_dir))
    load("made", tmp_path)
    assert asked == [tmp_path]


def test_a_folder_and_a_file(tmp_path: Path) -> None:
    root = tmp_path / "shades"
    for part in ("train", "test"):
        for shade in (0, 255):
            (root / part / str(shade)).mkdir(parents=True)
            Image.new("L", (2, 2), shade).save(root / part / str(shade) / "1.png")
    assert load(str(root), tmp_path).name == "shades"

    x, y = np.zeros((4, 2, 2), np.uint8), np.arange(4) % 2
    np.savez(tmp_path / "arrays.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    assert load(str(tmp_path / "arrays.npz"), tmp_path).name == "arrays"
    (tmp_path / "arrays.npz").rename(tmp_path / "ARRAYS.NPZ")
    assert load(str(tmp_path / "ARRAYS.NPZ"), tmp_path).name == "ARRAYS"


def test_tables_and_functions(tmp_path: Path) -> None:
    table = "a,b\n" + "\n".join(f"{i},{i % 2}" for i in range(20))
    (tmp_path / "table.CSV").write_text(table)
    assert load(str(tmp_path / "table.CSV"), tmp_path, "b").name == "table"
    (tmp_path / "both").mkdir()
    for part in ("train", "test"):
        (tmp_path / "both" / f"{part}.csv").write_text(table)
    assert load(str(tmp_path / "both"), tmp_path, "b").name == "both"
    (tmp_path / "mine.py").write_text("def load(): return [[0.0], [1.0]], [0, 1], [[2.0]], [1]\n")
    assert load(f"{tmp_path}/mine.py:load", tmp_path).name == "mine.py:load"


def test_a_target_belongs_to_a_table(tmp_path: Path) -> None:
    for given in ("digits", str(tmp_path), "somewhere.py:load"):
        with pytest.raises(UsageError, match=r"--target price belongs to tables, and .* is none"):
            load(given, tmp_path, "price")


@pytest.mark.parametrize(
    ("changes", "classes"),
    [({}, 3), ({"loss": "mse"}, 0), ({"metric": "r2"}, 0), ({"loss": "cross-entropy"}, 3)],
)
def test_loss_and_metric_say_what_targets_are(
    changes: dict[str, str], classes: int, tmp_path: Path
) -> None:
    x, y = np.zeros((6, 2, 2), np.uint8), np.arange(6) % 3
    np.savez(tmp_path / "arrays.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    task = Task(dataset=str(tmp_path / "arrays.npz"), **changes)
    found = of_task(task, tmp_path)
    assert (found.classes, found.outputs) == (classes, classes or 1)
    assert found.read_test().y.dtype == found.train.y.dtype


@pytest.mark.parametrize(
    ("given", "guess"),
    [("minst", "mnist"), ("CIFAR10", "cifar10"), ("fashion_mnist", "fashion-mnist")],
)
def test_a_misspelt_name_is_guessed(given: str, guess: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"'{given}' is no data set \(did you mean '{guess}'\?\)"):
        load(given, tmp_path)


@pytest.mark.parametrize(
    "given", ["nowhere/to/be/found", "missing.npz", "readme.txt", "x" * 5000, "nul\0", "pipe.npz"]
)
def test_anything_else_lists_what_there_is(given: str, tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no data set")
    os.mkfifo(tmp_path / "pipe.npz")
    given = str(tmp_path / given)
    with pytest.raises(UsageError) as caught:
        load(given, tmp_path)
    message = str(caught.value)
    hint = " (there is no such file)" * given.endswith("missing.npz")
    assert message.startswith(f"{given!r} is no data set{hint}; choose one of ")
    assert all(name in message for name in DATASETS)
    assert message.endswith(f"or give {WAYS}")


def test_a_file_without_its_function_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"own\.py is a file: give own\.py:FUNCTION, which loads"):
        load("own.py", tmp_path)


@pytest.mark.parametrize("target", [None, "y"])
def test_a_table_that_is_not_there_is_told(target: str | None, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no table 'gone\.csv': correct its path"):
        load("gone.csv", tmp_path, target)
