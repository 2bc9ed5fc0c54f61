"""Images in folders: PATH/train/CLASS/*.jpg and PATH/test/CLASS/*.jpg (or .png and so on)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vrtune.data.base import Dataset, Part
from vrtune.errors import VrtuneError


def load(path: Path) -> Dataset:
    """The classes are the folders of PATH/train, in order of name; images are uint8.

    C is 1 where every training image is gray, else 3. Raises VrtuneError for another layout,
    images of different sizes, and files that cannot be read. PATH/test is not looked into yet.
    """
    for part in ("train", "test"):
        if not (path / part).is_dir():
            raise VrtuneError(
                f"{path} holds no folder {part!r}; lay the images out as {path}/train/CLASS/*.jpg "
                f"and {path}/test/CLASS/*.jpg"
            )
    labels = {name: label for label, name in enumerate(_class_names(path / "train"))}
    train, gray = _read(path / "train", labels)
    for name, label in labels.items():
        if not (train.y == label).any():
            raise VrtuneError(
                f"{path / 'train' / name} holds no images; add some, or remove the folder"
            )
    if gray:
        train = Part(train.x[:, :1].contiguous(), train.y)
    return Dataset(
        path.resolve().name, len(labels), train, lambda: _read_test(path / "test", labels, gray)
    )


def _read_test(folder: Path, labels: dict[str, int], train_gray: bool) -> Part:
    """The test part, labelled as the training part is: a class may be absent but not new."""
    for name in _class_names(folder):
        if name not in labels:
            raise VrtuneError(
                f"{folder / name} is a class that the training part lacks; "
                "add it to train, or take it out of test"
            )
    test, gray = _read(folder, labels)
    return Part(test.x[:, :1].contiguous(), test.y) if train_gray and gray else test


def _class_names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _read(folder: Path, labels: dict[str, int]) -> tuple[Part, bool]:
    """All images of `folder` as RGB [N, 3, H, W], and whether every one of them is gray."""
    from torchvision.datasets.folder import IMG_EXTENSIONS, make_dataset  # takes seconds

    samples = make_dataset(folder, labels, IMG_EXTENSIONS, allow_empty=True) if labels else []
    if not samples:
        raise VrtuneError(f"{folder} holds no images; lay them out as {folder}/CLASS/*.jpg")
    first, all_gray = _decode(samples[0][0])
    x = np.empty((len(samples), *first.shape), np.uint8)
    for i, (file, _) in enumerate(samples):  # threads decode small ones no faster
        image, gray = _decode(file)
        if image.shape != first.shape:
            raise VrtuneError(
                f"{file} is {_size(image)}, but {samples[0][0]} is {_size(first)}; "
                "bring all images to one size"
            )
        x[i] = image
        all_gray = all_gray and gray
    y = torch.tensor([label for _, label in samples])
    return Part(torch.from_numpy(x), y), all_gray


def _decode(file: str) -> tuple[np.ndarray, bool]:
    """One image as uint8 [3, H, W], and whether it is gray."""
    try:
        with Image.open(file) as image:
            gray, deep = image.mode == "L", image.mode[0] in "IF"
            rgb = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise VrtuneError(f"{file} cannot be read as an image; mend or remove it") from error
    if deep:
        raise VrtuneError(f"{file} has more than 8 bits a channel; convert it to 8 bits")
    return rgb.transpose(2, 0, 1), gray


def _size(image: np.ndarray) -> str:
    return f"{image.shape[2]}x{image.shape[1]} pixels"
