"""Arrays in an .npz file: every accepted shape and type, and every refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vrtune.data import npz
from vrtune.errors import VrtuneError

N = 6


def save(folder: Path, **changes: Any) -> Path:
    """A good file with `changes`; an array that is None is left out."""
    arrays: dict[str, Any] = {
        "x_train": np.arange(N * 20, dtype=np.uint8).reshape(N, 4, 5),
        "y_train": np.arange(N) % 3,
        "x_test": np.zeros((2, 4, 5), np.uint8),
        "y_test": np.array([2, 0]),
    } | changes
    path = folder / "made.npz"
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def test_good_file(tmp_path: Path) -> None:
    loaded = npz.load(save(tmp_path))
    test = loaded.read_test()
    assert (loaded.name, loaded.classes, loaded.shape) == ("made", 3, (1, 4, 5))
    assert loaded.train.x.dtype == torch.uint8
    assert loaded.train.x.flatten().tolist() == list(range(N * 20))
    assert loaded.train.y.dtype == torch.int64
    assert loaded.train.y.tolist() == [0, 1, 2, 0, 1, 2]
    assert test.x.shape == (2, 1, 4, 5)
    assert test.y.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((N, 4, 5), (1, 4, 5)),
        ((N, 1, 4, 5), (1, 4, 5)),
        ((N, 3, 4, 5), (3, 4, 5)),
        ((N, 4, 5, 1), (1, 4, 5)),
        ((N, 4, 5, 3), (3, 4, 5)),
        ((N, 3, 5, 3), (3, 5, 3)),
        ((N, 7), (1, 1, 7)),
    ],
)
def test_shapes(given: tuple[int, ...], wanted: tuple[int, ...], tmp_path: Path) -> None:
    x = np.zeros(given, np.float64)
    assert npz.load(save(tmp_path, x_train=x)).shape == wanted


def test_channels_last_are_moved_first(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (N, 4, 5, 3), dtype=np.uint8)
    loaded = npz.load(save(tmp_path, x_train=x))
    assert torch.equal(loaded.train.x[2, 1], torch.from_numpy(x[2, :, :, 1]))
    assert loaded.train.x.is_contiguous()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f8"])
def test_floats_are_used_as_they_are(dtype: str, tmp_path: Path) -> None:
    x = np.linspace(-2, 300, N * 20).reshape(N, 4, 5).astype(dtype)
    loaded = npz.load(save(tmp_path, x_train=x))
    assert loaded.train.x.dtype == torch.float32
    assert np.array_equal(loaded.train.x.numpy()[:, 0], x.astype(np.float32))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint64", ">i2"])
def test_labels_of_any_integer_type_and_as_a_column(dtype: str, tmp_path: Path) -> None:
    y = (np.arange(N) % 3).astype(dtype)[:, None]
    assert npz.load(save(tmp_path, y_train=y)).train.y.tolist() == [0, 1, 2, 0, 1, 2]


def with_value(value: float) -> np.ndarray:
    x = np.zeros((N, 4, 5))
    x[1, 2, 3] = value
    return x


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": None}, "lacks x_train; save it with x_train, y_train, x_test, y_test"),
        ({"x_test": None, "y_test": None}, "lacks x_test, y_test"),
        ({"x_train": np.zeros((N, 4, 5), np.int32)}, "values of type int32"),
        ({"x_train": np.zeros((N, 4, 5), bool)}, "values of type bool"),
        ({"x_train": np.zeros((N, 4, 5), complex)}, "values of type complex128"),
        ({"x_train": np.array([{}] * N)}, "without Python objects"),
        ({"x_train": with_value(np.nan)}, "NaN or infinite"),
        ({"x_train": with_value(-np.inf)}, "NaN or infinite"),
        ({"x_train": with_value(1e300)}, "infinite in float32"),
        ({"x_train": np.zeros(N, np.uint8)}, r"has shape \(6,\)"),
        ({"x_train": np.zeros((N, 2, 4, 5), np.uint8)}, r"has shape \(6, 2, 4, 5\)"),
        ({"x_train": np.zeros((N, 1, 1, 4, 5), np.uint8)}, "has shape"),
        ({"x_train": np.zeros((0, 4, 5), np.uint8)}, r"has shape \(0, 1, 4, 5\)"),
        ({"x_train": np.zeros((N + 1, 4, 5), np.uint8)}, "7 samples, but y_train 6 labels"),
        ({"y_train": np.zeros(N)}, "labels of type float64"),
        ({"y_train": np.array(list("abcabc"))}, "labels of type <U1"),
        ({"y_train": np.arange(N) % 3 + 1}, "3 different labels from 1 to 3; number the classes"),
        ({"y_train": np.arange(N) % 3 * 2}, "3 different labels from 0 to 4"),
        ({"y_train": np.arange(N) % 3 - 1}, "3 different labels from -1 to 1"),
        ({"y_train": np.zeros(N, int)}, "holds 1 class"),
    ],
)
def test_refused_at_once(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(VrtuneError, match=message) as caught:
        npz.load(save(tmp_path, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_test": np.zeros((2, 5, 4), np.uint8)}, "images of shape"),
        ({"x_test": np.zeros((2, 4, 5))}, "values of type"),
        ({"y_test": np.array([0, 3])}, "labels 0 to 3, its training part 0 to 2"),
        ({"y_test": np.array([0.0, 1.0])}, "y_test of .* labels of type float64"),
        ({"y_test": np.array([0])}, "2 samples, but y_test 1 labels"),
        ({"x_test": np.array([{}, {}])}, "without Python objects"),
    ],
)
def test_test_part_is_refused_only_when_read(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    loaded = npz.load(save(tmp_path, **changes))
    assert loaded.classes == 3
    with pytest.raises(VrtuneError, match=message):
        loaded.read_test()


def test_damaged_files(tmp_path: Path) -> None:
    path = save(tmp_path)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[200:220] = bytes(20)
    for content in (whole[: len(whole) // 2], b"no arrays", b"", bytes(damaged)):
        path.write_bytes(content)
        with pytest.raises(VrtuneError, match="cannot be read") as raised:
            npz.load(path)
        assert "allow_pickle" not in str(raised.value)  # NumPy's option, and not ours


def test_single_array_instead_of_an_archive(tmp_path: Path) -> None:
    with (tmp_path / "one.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(VrtuneError, match="cannot be read"):
        npz.load(tmp_path / "one.npz")
