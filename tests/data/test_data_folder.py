"""Folders of images: decoded rightly, labelled by the training part, every error a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vrtune.data import folder
from vrtune.errors import VrtuneError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def save(path: Path, value: int = 0, size: tuple[int, int] = (5, 4), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shade: int | tuple[int, ...] = (value, 0, 255) if mode == "RGB" else value
    Image.new(mode, size, shade).save(path)


def lay_out(root: Path, mode: str = "RGB") -> Path:
    """Classes cat, dog and owl; two training images and one test image each, 5x4 pixels."""
    for label, name in enumerate(("cat", "dog", "owl")):
        save(root / "train" / name / "1.png", label, mode=mode)
        save(root / "train" / name / "2.png", 10 + label, mode=mode)
        save(root / "test" / name / "3.png", 20 + label, mode=mode)
    return root


def test_values_labels_and_shapes(tmp_path: Path) -> None:
    loaded = folder.load(lay_out(tmp_path / "pets"))
    test = loaded.read_test()
    assert (loaded.name, loaded.classes, loaded.shape) == ("pets", 3, (3, 4, 5))
    assert loaded.train.x.dtype == test.x.dtype == torch.uint8
    assert loaded.train.y.tolist() == [0, 0, 1, 1, 2, 2]
    assert loaded.train.x[:, 0, 0, 0].tolist() == [0, 10, 1, 11, 2, 12]
    assert (loaded.train.x[:, 1] == 0).all()
    assert (loaded.train.x[:, 2] == 255).all()
    assert test.y.tolist() == [0, 1, 2]
    assert test.x[:, 0, 0, 0].tolist() == [20, 21, 22]


def test_gray_images_have_one_channel(tmp_path: Path) -> None:
    loaded = folder.load(lay_out(tmp_path, mode="L"))
    assert loaded.shape == (1, 4, 5)
    assert loaded.train.x[:, 0, 0, 0].tolist() == [0, 10, 1, 11, 2, 12]
    assert loaded.read_test().x.shape == (3, 1, 4, 5)


def test_one_coloured_image_makes_all_rgb(tmp_path: Path) -> None:
    root = lay_out(tmp_path, mode="L")
    save(root / "train" / "owl" / "9.png", 7)
    loaded = folder.load(root)
    assert loaded.shape == (3, 4, 5)
    assert loaded.read_test().x.shape == (3, 3, 4, 5), "gray test images follow"


def test_coloured_test_image_among_gray_training_images(tmp_path: Path) -> None:
    root = lay_out(tmp_path, mode="L")
    save(root / "test" / "owl" / "9.png", 7)
    with pytest.raises(VrtuneError, match="images of shape"):
        folder.load(root).read_test()


def test_test_labels_are_those_of_the_training_part(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    (root / "test" / "cat" / "3.png").unlink()
    (root / "test" / "cat").rmdir()
    assert folder.load(root).read_test().y.tolist() == [1, 2]


def test_test_part_is_not_looked_into(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    (root / "test" / "cat" / "3.png").write_bytes(b"no image")
    (root / "test" / "yak").mkdir()
    loaded = folder.load(root)
    assert loaded.classes == 3
    with pytest.raises(VrtuneError, match="yak is a class that the training part lacks"):
        loaded.read_test()
    (root / "test" / "yak").rmdir()
    with pytest.raises(VrtuneError, match=r"cat/3.png cannot be read as an image"):
        loaded.read_test()


@pytest.mark.parametrize("part", ["train", "test"])
def test_missing_part(part: str, tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    (root / part).rename(root / "elsewhere")
    with pytest.raises(VrtuneError, match=f"holds no folder '{part}'; lay the images out as"):
        folder.load(root)


def test_first_file_of_another_size_is_named(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    save(root / "train" / "dog" / "2.png", size=(6, 4))
    save(root / "train" / "owl" / "1.png", size=(7, 7))
    with pytest.raises(VrtuneError, match=r"dog/2.png is 6x4 pixels, but .*cat/1.png is 5x4"):
        folder.load(root)


def test_unreadable_image_is_named(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    whole = (root / "train" / "dog" / "2.png").read_bytes()
    (root / "train" / "dog" / "2.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VrtuneError, match=r"dog/2.png cannot be read as an image"):
        folder.load(root)


def test_deep_image_is_named(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    Image.fromarray(np.full((4, 5), 999, np.uint16)).save(root / "train" / "dog" / "2.png")
    with pytest.raises(VrtuneError, match=r"dog/2.png has more than 8 bits"):
        folder.load(root)


def test_class_without_images(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    (root / "train" / "yak").mkdir()
    with pytest.raises(VrtuneError, match="yak holds no images"):
        folder.load(root)


def test_no_images_at_all(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    with pytest.raises(VrtuneError, match=r"train holds no images; lay them out as"):
        folder.load(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    not (SHARED / "unpack").is_file(), reason="no folder shared/data beside the repository"
)
def test_cifar10_as_jpeg(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, SHARED / "unpack", tmp_path, "cifar10"], check=True, capture_output=True
    )
    loaded = folder.load(tmp_path / "cifar10-jpeg")
    assert loaded.train.x.shape == (50_000, 3, 32, 32)
    assert loaded.train.y.bincount().tolist() == [5000] * 10
    assert loaded.read_test().y.bincount().tolist() == [1000] * 10
