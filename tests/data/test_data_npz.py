"""Arrays in an .npz file: every accepted shape and type, and every refusal."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.lib import format as npy

from vrtune import machine
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
        ((N, 7), (7, 1, 1)),
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


@pytest.mark.parametrize(
    ("y_train", "y_test", "names"),
    [
        (list("bcabca"), list("ab"), ("a", "b", "c")),
        ([7, 9, 3, 7, 9, 3], [3, 7], ("3", "7", "9")),
        ([-1, 1, -1, 1, -1, 1], [-1, 1], ("-1", "1")),
        ([False, True] * 3, [False, True], ("False", "True")),
    ],
)
def test_labels_are_numbered_in_sorted_order(
    y_train: list[Any], y_test: list[Any], names: tuple[str, ...], tmp_path: Path
) -> None:
    loaded = npz.load(save(tmp_path, y_train=np.array(y_train), y_test=np.array(y_test)))
    assert (loaded.classes, loaded.class_names) == (len(names), names)
    assert [names[label] for label in loaded.train.y] == list(map(str, y_train))
    loaded.check_test()
    assert loaded.read_test().y.tolist() == [0, 1]


def test_a_label_that_the_training_part_lacks(tmp_path: Path) -> None:
    loaded = npz.load(save(tmp_path, y_train=np.array(list("acacac")), y_test=np.array(["a", "b"])))
    for ask in (loaded.check_test, loaded.read_test):
        with pytest.raises(VrtuneError, match=r"y_test of .* has the label 'b'"):
            ask()


def test_floats_are_numbers_to_predict(tmp_path: Path) -> None:
    y = np.linspace(-3, 1e5, N)
    loaded = npz.load(save(tmp_path, y_train=y[:, None], y_test=np.array([1, 2])))
    assert (loaded.classes, loaded.outputs, loaded.class_names, loaded.notes) == (0, 1, None, ())
    assert loaded.train.y.dtype == torch.float32
    assert np.array_equal(loaded.train.y.numpy(), y.astype(np.float32))
    loaded.check_test()
    assert loaded.read_test().y.tolist() == [1.0, 2.0]


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
        ({"x_train": np.zeros((0, 4, 5), np.uint8)}, r"has shape \(0, 4, 5\)"),
        ({"x_train": np.zeros((N + 1, 4, 5), np.uint8)}, "7 samples, but y_train 6 labels"),
        ({"y_train": np.zeros(N)}, "holds one number alone to predict, 0, and there is nothing"),
        ({"y_train": np.full(N, np.nan)}, "targets that are NaN or infinite"),
        ({"y_train": np.full(N, 1e300)}, "targets that are NaN or infinite in float32"),
        ({"y_train": np.zeros(N, complex)}, "labels of type complex128; give whole numbers or"),
        ({"y_train": np.array(["a"] * N)}, "holds 1 class"),
        ({"y_train": np.zeros(N, int)}, "holds 1 class"),
        ({"y_train": np.arange(2 * N).reshape(N, 2) % 3}, r"y_train of .* has shape \(6, 2\)"),
        ({"y_train": np.eye(N, 3, dtype=int)}, r"has shape \(6, 3\); give one target a sample"),
        ({"y_train": np.array(1)}, r"has shape \(\)"),
        ({"x_train": np.array(1.0)}, r"has shape \(\)"),
        ({"x_train": np.zeros((N, 0))}, r"has shape \(6, 0\)"),
        ({"x_train": np.zeros(N, "f4,u1")}, "values of type"),
        ({"x_train": np.zeros((N, 4), "U3")}, "values of type <U3"),
        ({"x_train": np.zeros((N, 4), "M8[s]")}, "values of type datetime64"),
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
        ({"y_test": np.array([0.5, 1.0])}, "y_test of .* labels of type float64"),
        ({"y_test": np.array(["0", "1"])}, "y_test of .* labels of type <U1"),
        ({"y_test": np.array([0])}, "2 samples, but y_test 1 labels"),
        ({"x_test": np.zeros((2, 4, 5), bool)}, "values of type bool"),
        ({"x_test": np.zeros((0, 4, 5), np.uint8), "y_test": np.zeros(0, int)}, "has shape"),
        ({"y_test": np.zeros((2, 2), int)}, r"y_test of .* has shape \(2, 2\)"),
        ({"y_test": np.array([0, -1])}, "labels -1 to 0"),
    ],
)
def test_test_part_is_refused_by_a_check_or_when_read(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    loaded = npz.load(save(tmp_path, **changes))
    assert loaded.classes == 3
    for ask in (loaded.check_test, loaded.read_test):
        with pytest.raises(VrtuneError, match=message):
            ask()


@pytest.mark.parametrize(
    ("x_test", "message"),
    [(np.array([{}, {}]), "values of type object"), (np.zeros((2, 4, 5)), "values of type")],
)
def test_types_of_the_test_part_are_told_by_its_header(
    x_test: np.ndarray, message: str, tmp_path: Path
) -> None:
    loaded = npz.load(save(tmp_path, x_test=x_test))
    with pytest.raises(VrtuneError, match=message):
        loaded.check_test()
    with pytest.raises(VrtuneError):
        loaded.read_test()


def test_a_check_reads_no_value_of_x_test(tmp_path: Path) -> None:
    """What only the values tell is told when they are read."""
    x, y = with_value(np.nan), np.arange(N) % 3
    loaded = npz.load(save(tmp_path, x_train=with_value(0), x_test=x, y_test=y))
    loaded.check_test()
    with pytest.raises(VrtuneError, match=r"x_test of .* NaN or infinite"):
        loaded.read_test()


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_makes_no_difference(order: Any, tmp_path: Path) -> None:
    x = np.asarray(np.arange(N * 60).reshape(N, 4, 5, 3) % 251, np.uint8, order=order)
    loaded = npz.load(save(tmp_path, x_train=x))
    assert np.array_equal(loaded.train.x.numpy(), x.transpose(0, 3, 1, 2))


def test_columns_of_a_table_are_channels(tmp_path: Path) -> None:
    """Each is normalised by itself."""
    x = np.arange(N * 7, dtype=np.float32).reshape(N, 7)
    loaded = npz.load(save(tmp_path, x_train=x, x_test=x[:2]))
    assert loaded.train.x.shape == (N, 7, 1, 1)
    assert np.array_equal(loaded.train.x.flatten(1).numpy(), x)
    loaded.check_test()
    assert loaded.read_test().x.shape == (2, 7, 1, 1)


def test_names_of_classes(tmp_path: Path) -> None:
    named = npz.load(save(tmp_path, class_names=np.array(["cat", "dög", "owl\n"])))
    assert (named.class_names, named.notes) == (("cat", "dög", "owl\\n"), ())
    for wrong in (np.array(["cat", "dog"]), np.arange(3), np.array([None] * 3)):
        loaded = npz.load(save(tmp_path, class_names=wrong))
        assert loaded.class_names is None
        (note,) = loaded.notes
        assert "class_names of " in note
        assert "save an array of 3 texts" in note
    assert npz.load(save(tmp_path)).class_names is None


def marked(whole: bytes, local: int, central: int, value: int) -> bytes:
    """An archive with two bytes of each member's headers changed."""
    data = bytearray(whole)
    for sign, at in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        i = 0
        while (i := data.find(sign, i)) >= 0:
            data[i + at : i + at + 2] = struct.pack("<H", value)
            i += 4
    return bytes(data)


def with_member(path: Path, name: str, content: bytes) -> None:
    """The archive with another content of a member."""
    with zipfile.ZipFile(path) as old:
        kept = {member: old.read(member) for member in old.namelist()} | {name: content}
    with zipfile.ZipFile(path, "w") as new:
        for member, data in kept.items():
            new.writestr(member, data)


def headed(header: str, values: bytes = b"") -> bytes:
    """An array file with a header as it stands."""
    text = header.encode("latin1")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + values


def test_encrypted_and_packed_in_an_unknown_way(tmp_path: Path) -> None:
    path = save(tmp_path)
    whole = path.read_bytes()
    for data, message in (
        (marked(whole, 6, 8, 1), "encrypted, password required"),
        (marked(whole, 8, 10, 9), "compression method is not supported"),  # deflate64
        (marked(whole, 8, 10, 14), "cannot be read"),  # LZMA, which it is not
    ):
        path.write_bytes(data)
        with pytest.raises(VrtuneError, match=message) as raised:
            npz.load(path)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("part", ["train", "test"])
def test_an_array_too_large_for_memory_is_told_with_its_size(part: str, tmp_path: Path) -> None:
    header = io.BytesIO()
    huge = {"descr": "|u1", "fortran_order": False, "shape": (2, 2**20, 2**22)}
    npy.write_array_header_1_0(header, huge)
    path = save(tmp_path)
    with_member(path, f"x_{part}.npy", header.getvalue())
    with_member(path, f"y_{part}.npy", headed(LABELS, bytes([0, 1])))
    with pytest.raises(VrtuneError, match=rf"x_{part} of .*made.npz needs 8192.0 GB of memory"):
        npz.load(path).check_test()


LABELS = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}"


def test_floats_of_another_width_need_room_for_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path, x_train=np.zeros((N, 4, 5)))
    monkeypatch.setattr(machine, "free_memory", lambda: N * 20 * 12)
    npz.load(path)
    monkeypatch.setattr(machine, "free_memory", lambda: N * 20 * 12 - 1)
    with pytest.raises(VrtuneError, match=r"x_train of .* needs 0.0 GB of memory"):
        npz.load(path)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 4, 5",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-6, 4, 5)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 4, 4)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 4, 6)}",
        f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({2**64}, 4, 5)}}",
        "{'descr': 'rubbish', 'fortran_order': False, 'shape': (6, 4, 5)}",
        "{'descr': ('u1', (1, 2, 3)), 'fortran_order': False, 'shape': (6, 4, 5)}",
        "{'descr': [], 'fortran_order': 0, 'shape': 6}",
        "{'a\\Q': 1}",
        '"' * 3,
        "(" * 3000,
        "-" * 9000 + "1",
        "[" * 100,
        "\0",
        "1" * 5000,
        "",
    ],
    ids=range(16),
)
def test_headers_of_any_kind(header: str, tmp_path: Path) -> None:
    """Of which Python raises SyntaxError, TokenError, RecursionError, MemoryError and more."""
    path = save(tmp_path)
    with_member(path, "x_train.npy", headed(header, bytes(N * 20)))
    with pytest.raises(VrtuneError, match=r"x_train of|made.npz cannot be read") as raised:
        npz.load(path)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 600


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "folder.npz").mkdir()
    for name in ("pipe.npz", "folder.npz", "missing.npz"):
        with pytest.raises(VrtuneError, match=f"{name} is no regular file"):
            npz.load(tmp_path / name)


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
