"""MNIST and its kin: read from disk, and what is said where neither disk nor network has them."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision import datasets

from vrtune.data import DATASETS, downloads, load
from vrtune.data.normalise import statistics
from vrtune.errors import UsageError, VrtuneError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not (SHARED / "unpack").is_file(), reason="no folder shared/data beside the repository"
)
NAMES = ["cifar10", "cifar100", "fashion-mnist", "mnist"]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.fixture(scope="module")
def mnist_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mnist")
    subprocess.run(
        [sys.executable, SHARED / "unpack", folder, "mnist"], check=True, capture_output=True
    )
    return folder


@needs_shared
def test_mnist_from_disk(mnist_dir: Path, no_network: None) -> None:
    mnist = downloads.mnist(mnist_dir)
    test = mnist.read_test()
    assert (mnist.name, mnist.classes, mnist.shape) == ("mnist", 10, (1, 28, 28))
    assert mnist.train.x.shape == (60_000, 1, 28, 28)
    assert test.x.shape == (10_000, 1, 28, 28)
    assert mnist.train.x.dtype == test.x.dtype == torch.uint8
    assert mnist.train.y.dtype == test.y.dtype == torch.int64
    assert mnist.train.y[:5].tolist() == [5, 0, 4, 1, 9]
    mean, std = statistics(mnist.train.x)
    assert mean.item() == pytest.approx(0.1307, abs=1e-3)
    assert std.item() == pytest.approx(0.3081, abs=1e-3)


@needs_shared
def test_archives_in_the_folder_are_unpacked_without_the_network(
    tmp_path: Path, no_network: None, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for archive in SHARED.glob("*-ubyte.gz"):
        shutil.copy(archive, raw)
    assert len(downloads.mnist(tmp_path).train.y) == 60_000
    assert capsys.readouterr().out == ""
    assert len(list(raw.glob("*-ubyte"))) == 4
    assert [p.name for p in tmp_path.iterdir()] == ["MNIST"], "the stage has gone"


@needs_shared
def test_damaged_files_are_mended_or_reported(tmp_path: Path, no_network: None) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for archive in SHARED.glob("*-ubyte.gz"):
        shutil.copy(archive, raw)
    loaded = downloads.mnist(tmp_path)
    (raw / "t10k-images-idx3-ubyte").write_bytes(b"damaged")
    assert len(loaded.read_test().y) == 10_000, "unpacked once more"

    (raw / "t10k-images-idx3-ubyte.gz").unlink()
    (raw / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(VrtuneError, match="mnist is missing or damaged under"):
        loaded.read_test()


@pytest.mark.parametrize("name", NAMES)
def test_without_network_one_sentence_and_nothing_left(
    name: str, tmp_path: Path, no_network: None, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir = tmp_path / "a" / "b"
    with pytest.raises(VrtuneError) as caught:
        DATASETS[name](data_dir)
    message = str(caught.value)
    assert message.startswith(
        f"{name} is missing or damaged under {data_dir} and could not be downloaded ("
    )
    assert "no route to host" in message
    assert f"lay its files under {data_dir}" in message
    assert "or give --data-dir" in message
    assert "\n" not in message
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "error", [URLError("down"), RuntimeError("File not found or corrupted."), TimeoutError()]
)
def test_broken_download_leaves_what_was_there(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(self: datasets.CIFAR10) -> None:
        folder = Path(self.root) / self.base_folder
        folder.mkdir()
        (folder / "data_batch_1").write_bytes(b"half")
        raise error

    monkeypatch.setattr(datasets.CIFAR10, "download", half)
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(VrtuneError, match="cifar10 is missing or damaged under"):
        downloads.cifar10(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("name", "archive"),
    [("mnist", "MNIST/raw/t10k-labels-idx1-ubyte.gz"), ("cifar100", "cifar-100-python.tar.gz")],
)
def test_damaged_archive_is_named(name: str, archive: str, tmp_path: Path) -> None:
    (tmp_path / archive).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / archive).write_bytes(b"half")
    with pytest.raises(VrtuneError, match=rf"{archive} is damaged: delete it"):
        DATASETS[name](tmp_path)


def test_data_dir_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VrtuneError, match="cifar10 is missing or damaged under"):
        downloads.cifar10(tmp_path / "file")


def idx(*shape: int, values: bytes | None = None) -> bytes:
    """A file as MNIST's are: its kind (bytes), its dimensions, its values."""
    head = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
    return head + (bytes(np.prod(shape)) if values is None else values)


@pytest.fixture
def tiny_mnist(tmp_path: Path) -> Path:
    """Twenty training and ten test images of 4x3."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, n in (("train", 20), ("t10k", 10)):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(n, 4, 3))
        labels = bytes(i % 10 for i in range(n))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(n, values=labels))
    return tmp_path


def test_names_of_classes(tiny_mnist: Path) -> None:
    names = downloads.mnist(tiny_mnist).class_names
    assert names is not None
    assert (len(names), names[3]) == (10, "3 - three")


def test_a_sound_test_part_is_let_through_unread(
    tiny_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = downloads.mnist(tiny_mnist)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("not yet")

    monkeypatch.setattr(downloads, "_read", never)
    loaded.check_test()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("t10k-images-idx3-ubyte", b"", "missing or damaged"),
        ("t10k-images-idx3-ubyte", idx(10, 4, 3)[:-1], "missing or damaged"),
        ("t10k-images-idx3-ubyte", idx(9, 4, 3), "missing or damaged"),
        ("t10k-images-idx3-ubyte", idx(10, 4, 4), r"images of shape \(1, 4, 4\)"),
        ("t10k-labels-idx1-ubyte", idx(10, values=bytes([77] * 10)), "missing or damaged"),
        ("t10k-labels-idx1-ubyte", None, "missing or damaged"),
    ],
    ids=["empty", "short", "fewer", "larger", "label", "gone"],
)
def test_a_damaged_test_part_is_told_before_the_search(
    file: str, content: bytes | None, message: str, tiny_mnist: Path, no_network: None
) -> None:
    loaded = downloads.mnist(tiny_mnist)
    path = tiny_mnist / "MNIST" / "raw" / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VrtuneError, match=message):
        loaded.check_test()


@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
def test_damage_of_any_kind_is_a_sentence(file: str, tiny_mnist: Path, no_network: None) -> None:
    """torchvision raises KeyError, TypeError and whatever else its reading comes upon."""
    path = tiny_mnist / "MNIST" / "raw" / file
    whole, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(30):
        data = bytearray(whole)
        for at in random.integers(0, 12, 3):
            data[at] = random.integers(256)
        path.write_bytes(data)
        with suppress(VrtuneError):
            downloads.mnist(tiny_mnist)
    path.write_bytes(b"\0\0\x0a\x03" + whole[4:])  # a kind that is none: KeyError
    with pytest.raises(VrtuneError, match="mnist is missing or damaged"):
        downloads.mnist(tiny_mnist)


def test_labels_that_are_none_of_the_classes(tiny_mnist: Path, no_network: None) -> None:
    path = tiny_mnist / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    path.write_bytes(idx(20, values=bytes([200] * 20)))
    with pytest.raises(VrtuneError, match="mnist is missing or damaged"):
        downloads.mnist(tiny_mnist)


def test_sound_data_on_a_disk_that_is_read_only(
    tiny_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", refuse)
    monkeypatch.setattr(downloads, "_fetch", refuse)
    loaded = downloads.mnist(tiny_mnist)
    loaded.check_test()
    assert len(loaded.read_test().y) == 10


def test_the_home_folder_is_found(tiny_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tiny_mnist.parent))
    assert load("mnist", Path("~", tiny_mnist.name)).classes == 10
    assert downloads.mnist(Path("~", tiny_mnist.name)).classes == 10
    with pytest.raises(UsageError, match="'~nobody-of-that-name/data' begins with a user who is"):
        load("mnist", Path("~nobody-of-that-name/data"))


def made_cifar(kind: type[datasets.CIFAR10]) -> Callable[[datasets.CIFAR10], None]:
    """A download that writes a tiny CIFAR: 10 samples a file, sample i all of value i."""

    def download(self: datasets.CIFAR10) -> None:
        print("Extracting")
        folder = Path(self.root) / kind.base_folder
        folder.mkdir()
        key = "labels" if kind is datasets.CIFAR10 else "fine_labels"
        data = np.repeat(np.arange(10, dtype=np.uint8)[:, None], 3072, axis=1)
        data[:, :1024] += 100  # the red plane
        for name, _ in kind.train_list + kind.test_list:
            (folder / name).write_bytes(pickle.dumps({"data": data, key: list(range(10))}))
        (folder / kind.meta["filename"]).write_bytes(pickle.dumps({kind.meta["key"]: []}))

    return download


@pytest.mark.parametrize(
    ("name", "kind", "classes", "n"),
    [("cifar10", datasets.CIFAR10, 10, 50), ("cifar100", datasets.CIFAR100, 100, 10)],
)
def test_download_is_moved_into_place(
    name: str,
    kind: type[datasets.CIFAR10],
    classes: int,
    n: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def all_there(self: datasets.CIFAR10) -> bool:
        return (Path(self.root) / kind.base_folder).is_dir()

    monkeypatch.setattr(kind, "download", made_cifar(kind))
    monkeypatch.setattr(kind, "_check_integrity", all_there)
    monkeypatch.setitem(kind.meta, "md5", None)
    loaded = DATASETS[name](tmp_path / "new")
    assert loaded.classes == classes
    assert loaded.train.x.shape == (n, 3, 32, 32)
    assert loaded.train.x.is_contiguous()
    assert loaded.train.x[3, :, 0, 0].tolist() == [103, 3, 3], "channels come first"
    assert len(loaded.read_test().y) == 10
    assert [p.name for p in (tmp_path / "new").iterdir()] == [kind.base_folder]
    assert capsys.readouterr().out == ""
