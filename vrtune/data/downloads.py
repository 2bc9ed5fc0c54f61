"""The sets torchvision can fetch: MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from vrtune.data.base import Dataset, Outline, Part
from vrtune.display.figures import safe
from vrtune.errors import VrtuneError
from vrtune.given.stages import Stage, sweep

DOWNLOADING = ".download-"
SILENCE = 30.0  # seconds a server may say nothing before the download is given up
IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"  # of MNIST's test part
T = TypeVar("T")


@dataclass(frozen=True)
class _Source:
    """Where one set lies below the data folder, unpacked and as the archives it comes in."""

    name: str
    reader_name: str  # class of torchvision.datasets
    folder: str
    archives: str  # glob; a set's archive may lie there still packed
    classes: int = 10

    @property
    def reader(self) -> Any:
        """The class; torchvision takes seconds to import, and most searches need none of it."""
        from torchvision import datasets

        return getattr(datasets, self.reader_name)


def mnist(data_dir: Path) -> Dataset:
    """60,000 training and 10,000 test images [1, 28, 28] of handwritten digits."""
    source = _Source("mnist", "MNIST", "MNIST/raw", "MNIST/raw/*.gz")
    return _load(source, data_dir)


def fashion_mnist(data_dir: Path) -> Dataset:
    """60,000 training and 10,000 test images [1, 28, 28] of clothes."""
    folder = "FashionMNIST/raw"
    source = _Source("fashion-mnist", "FashionMNIST", folder, f"{folder}/*.gz")
    return _load(source, data_dir)


def cifar10(data_dir: Path) -> Dataset:
    """50,000 training and 10,000 test images [3, 32, 32] in 10 classes."""
    archive = "cifar-10-python.tar.gz"
    source = _Source("cifar10", "CIFAR10", "cifar-10-batches-py", archive)
    return _load(source, data_dir)


def cifar100(data_dir: Path) -> Dataset:
    """50,000 training and 10,000 test images [3, 32, 32] in 100 classes."""
    archive = "cifar-100-python.tar.gz"
    source = _Source("cifar100", "CIFAR100", "cifar-100-python", archive, classes=100)
    return _load(source, data_dir)


def _load(source: _Source, data_dir: Path) -> Dataset:
    data_dir = data_dir.expanduser()

    def part(train: bool) -> tuple[Part, tuple[str, ...]]:
        return _sound(source, data_dir, lambda: _read(source, data_dir, train=train))

    def outline() -> Outline:
        return _sound(source, data_dir, lambda: _outline(data_dir / source.folder))

    train, names = part(True)
    return Dataset(
        source.name,
        source.classes,
        train,
        lambda: part(False)[0],
        class_names=names if len(names) == source.classes else None,
        # torchvision has compared the check sums of CIFAR's, all of them
        outline_test=outline if (data_dir / source.folder / IMAGES).exists() else None,
    )


def _sound(source: _Source, data_dir: Path, read: Callable[[], T]) -> T:
    """What is read, after fetching what is missing or damaged; VrtuneError where that fails too.

    torchvision raises anything where files are damaged, or the network is.
    """
    with suppress(Exception):
        return read()
    try:
        _fetch(source, data_dir)
        return read()
    except Exception as error:
        reason = safe(" ".join(str(error).split())) or type(error).__name__
        where = safe(data_dir)
        raise VrtuneError(
            f"{source.name} is missing or damaged under {where} and could not be downloaded "
            f"({reason}); lay its files under {where}/{source.folder}, or give --data-dir the "
            f"folder that holds {source.folder}"
        ) from error


def _read(source: _Source, data_dir: Path, *, train: bool) -> tuple[Part, tuple[str, ...]]:
    """One part as uint8 [N, C, H, W], from unpacked files alone, and the names of the classes."""
    read = source.reader(data_dir, train=train, download=False)
    x: Tensor = torch.as_tensor(read.data)
    x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2)
    y = torch.as_tensor(read.targets, dtype=torch.int64)
    _check_labels(len(x), y.numpy(), source.classes)
    return Part(x.contiguous(), y), tuple(read.classes)


def _outline(folder: Path) -> Outline:
    """Of MNIST's test part, from the headers of its files, and its labels."""
    images, labels = folder / IMAGES, folder / LABELS
    with images.open("rb") as file:
        n, height, width = (int(size) for size in np.frombuffer(file.read(16), ">u4")[1:])
    y = np.fromfile(labels, np.uint8, offset=8)
    if images.stat().st_size != 16 + n * height * width:
        raise ValueError(f"{images} is damaged: delete it")
    _check_labels(n, y)
    return Outline(n, (1, height, width), torch.uint8, (int(y.min()), int(y.max())))


def _check_labels(samples: int, y: np.ndarray, classes: int = 10) -> None:
    """Damaged files are mended: by another download."""
    if len(y) != samples or not samples or y.min() < 0 or y.max() >= classes:
        raise ValueError(f"its labels are damaged: {len(y)} for {samples} images")


def _fetch(source: _Source, data_dir: Path) -> None:
    """Downloads and unpacks beside the final place, and moves whole files only.

    Archives already in `data_dir` are unpacked, and only what they lack is downloaded. A failure
    leaves `data_dir` as it was, and not existing where it did not exist.
    """
    from torchvision.datasets.utils import extract_archive

    created = [folder for folder in (data_dir, *data_dir.parents) if not folder.exists()]
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        sweep(data_dir, DOWNLOADING)
        with Stage(data_dir, DOWNLOADING) as stage:
            for archive in data_dir.glob(source.archives):
                beside = stage / archive.parent.relative_to(data_dir)
                beside.mkdir(parents=True, exist_ok=True)
                try:
                    extract_archive(archive, beside)
                except Exception as error:
                    raise RuntimeError(f"{archive} is damaged: delete it") from error
            with redirect_stdout(sys.stderr), _socket_timeout(SILENCE):
                source.reader(stage, train=True, download=True)
            (data_dir / source.folder).mkdir(parents=True, exist_ok=True)
            for file in (stage / source.folder).iterdir():
                if file.suffix != ".gz":
                    os.replace(file, data_dir / source.folder / file.name)
    finally:
        for folder in created:
            with suppress(OSError):  # not empty: the download went well
                folder.rmdir()


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """torchvision offers no timeout of its own, and would wait for a silent server for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
