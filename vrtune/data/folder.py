"""Images in folders: PATH/train/CLASS/*.jpg and PATH/test/CLASS/*.jpg (or .png and so on)."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from vrtune.data.base import Dataset, Outline, Part
from vrtune.data.listing import Listing, listed
from vrtune.data.pictures import decode, look
from vrtune.display.figures import safe
from vrtune.errors import VrtuneError
from vrtune.machine import check_memory


def load(path: Path) -> Dataset:
    """The classes are the folders of PATH/train, in order of name; images are uint8.

    C is 1 where every training image is gray, else 3. Raises VrtuneError for another layout,
    images of different sizes, and files that cannot be read. Of PATH/test only names are read yet.
    """
    train_folder, test_folder = path / "train", path / "test"
    for folder in (train_folder, test_folder):
        if not os.path.isdir(folder):
            raise VrtuneError(
                f"{safe(path)} holds no folder {folder.name!r}; lay the images out as "
                f"{safe(path)}/train/CLASS/*.jpg and {safe(path)}/test/CLASS/*.jpg"
            )
    files = listed(train_folder)
    for name, images in files.by_class.items():
        if files.count and not images:
            raise files.without_images(train_folder / name, "add some, or remove the folder")
    labels = {name: label for label, name in enumerate(files.by_class)}
    train, gray, notes = _read(files, labels)
    if gray:
        train = Part(train.x[:, :1].contiguous(), train.y)
    with suppress(VrtuneError):  # which is told when the test part is asked for
        notes += listed(test_folder).notes
    return Dataset(
        safe(path.resolve().name),
        len(labels),
        train,
        lambda: _read_test(path, labels, gray),
        notes=notes,
        class_names=tuple(map(safe, labels)),
        outline_test=lambda: _outline_test(path, labels, gray),
    )


def _read_test(path: Path, labels: dict[str, int], train_gray: bool) -> Part:
    test, gray, _ = _read(_test_files(path, labels), labels)
    return Part(test.x[:, :1].contiguous(), test.y) if train_gray and gray else test


def _outline_test(path: Path, labels: dict[str, int], train_gray: bool) -> Outline:
    """From the header of every image; all are of one size."""
    files = _test_files(path, labels)
    headers = [look(file) for images in files.by_class.values() for file in images]
    first = headers[0]
    for header in headers:
        header.check_size(first)
    channels = 1 if train_gray and all(header.gray for header in headers) else 3
    shape = (channels, first.height, first.width)
    check_memory(len(headers) * 3 * first.height * first.width, f"the test part of {safe(path)}")
    found = [labels[name] for name, images in files.by_class.items() if images]
    return Outline(len(headers), shape, torch.uint8, (min(found), max(found)))


def _test_files(path: Path, labels: dict[str, int]) -> Listing:
    """Those of the test part, labelled as the training part is: a class may be absent, not new."""
    folder = path / "test"
    if os.path.samefile(folder, path / "train"):
        raise VrtuneError(f"{safe(folder)} is the training part itself; give other images to it")
    files = listed(folder)
    for name in files.by_class:
        if name not in labels:
            raise VrtuneError(
                f"{safe(folder / name)} is a class that the training part lacks; "
                "add it to train, or take it out of test"
            )
    _check_some(files)
    return files


def _check_some(files: Listing) -> None:
    if not files.count:
        layout = f"lay them out as {safe(files.folder)}/CLASS/*.jpg"
        raise files.without_images(files.folder, layout)


def _read(files: Listing, labels: dict[str, int]) -> tuple[Part, bool, tuple[str, ...]]:
    """All images as RGB [N, 3, H, W], whether every one of them is gray, and what is to be told."""
    _check_some(files)
    samples = [(file, labels[name]) for name, images in files.by_class.items() for file in images]
    first = decode(samples[0][0])
    folder = safe(files.folder)
    check_memory(
        len(samples) * first.pixels.nbytes,
        f"{folder}, {len(samples)} images of {first.header.size},",
    )
    x = np.empty((len(samples), *first.pixels.shape), np.uint8)
    gray, clear, moving = True, 0, 0
    for i, (file, _) in enumerate(samples):  # threads decode small ones no faster
        image = decode(file, first.header)
        x[i] = image.pixels
        gray = gray and image.header.gray
        clear += image.clear
        moving += image.moving
    notes = list(files.notes)
    if clear:
        notes.append(
            f"{folder}: {clear} of {len(samples)} images are transparent in places, where their "
            "hidden colours are taken: lay them on a background"
        )
    if moving:
        notes.append(
            f"{folder}: of {moving} images with several frames or pages the first is taken"
        )
    y = torch.tensor([label for _, label in samples])
    return Part(torch.from_numpy(x), y), gray, tuple(notes)
