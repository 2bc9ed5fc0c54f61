"""load: a name, a folder or an .npz file, and help for anything else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vrtune.data import DATASETS, load
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
    assert message.startswith(f"{given!r} is no data set; choose one of ")
    assert all(name in message for name in DATASETS)
    assert message.endswith("or give a folder or an .npz file that exists")
