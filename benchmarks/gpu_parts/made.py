"""Data that need no file, tasks on them, and pools that give their memory back."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vrtune import Task
from vrtune.data import Dataset, Part
from vrtune.lanes import Stream
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace

CLASSES = 10
MNIST, CIFAR = (1, 28, 28), (3, 32, 32)
FOLDS = 4


def images(n: int, shape: tuple[int, int, int], seed: int = 0) -> Part:
    """n images of bytes that can be learnt: each is its class's pattern, under noise."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.rand(CLASSES, *shape, generator=torch.Generator().manual_seed(99))
    y = torch.arange(n) % CLASSES
    x = 0.35 * patterns[y] + 0.65 * torch.rand(n, *shape, generator=generator)
    return Part(x.mul_(255).to(torch.uint8), y)


def dataset(n: int, shape: tuple[int, int, int]) -> Dataset:
    """n made training images and as many test images."""
    return Dataset("made", CLASSES, images(n, shape), lambda: images(n, shape, 1))


def workspace(device: torch.device, n: int, shape: tuple[int, int, int], **task: Any) -> Workspace:
    """A task on n made images, on a device."""
    settings = Task(dataset="made", **task)
    return Workspace(settings, Path(), device, dataset(n, shape))


def samples(steps: int, batch_size: int = 32, folds: int = FOLDS) -> int:
    """So many samples that the training part of a fold is at least `steps` whole batches."""
    return -(-steps * batch_size * folds // (folds - 1) // (folds * CLASSES)) * folds * CLASSES


@contextmanager
def pool_of(space: Workspace, *, fused: bool) -> Iterator[Pool]:
    """A pool whose graphs and memory are given back at the end."""
    pool = Pool(space, space.folds, fused=fused)
    try:
        yield pool
    finally:
        pool.clear()


class Doubled(Workspace):
    """A workspace whose lanes are trained in double precision."""

    def make(self, *, rated: bool = False) -> nn.Module:
        """The task's model in double precision."""
        return super().make(rated=rated).double()

    @cached_property
    def folds(self) -> list[Stream]:
        """The folds, whose images become doubles as they are normalised."""
        return [
            replace(stream, scale=stream.scale.double(), shift=stream.shift.double())
            for stream in super().folds
        ]


def write_mnist(folder: Path, train: int, test: int) -> None:
    """Made images in MNIST's files, as torchvision reads them."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", images(train, MNIST)), ("t10k", images(test, MNIST, 1))):
        n = len(part.y)
        head = struct.pack(">IIII", 2051, n, *MNIST[1:])
        (raw / f"{name}-images-idx3-ubyte").write_bytes(head + part.x.numpy().tobytes())
        labels = part.y.to(torch.uint8).numpy().tobytes()
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, n) + labels)


def unpack_mnist(folder: Path) -> None:
    """Unpacks MNIST's files where they still lie packed."""
    for packed in (folder / "MNIST" / "raw").glob("*-ubyte.gz"):
        if not packed.with_suffix("").exists():
            packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
