"""Data of any kind in .npz files, and files with damage: read, or refused in a sentence."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fuzzing import TEXT, check_sentence, damaged, fuzzed, one_sentence
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vrtune.data import npz
from vrtune.data.arrays import KEYS
from vrtune.data.base import Dataset

PACKED = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]
TYPES = st.sampled_from("?bBhHiIlLqQefdgFDSUV") | st.sampled_from(
    ["M8[s]", "m8[D]", "O", "U3", "S2"]
)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)
SAMPLES = st.sampled_from(
    [(6,), (6, 1), (6, 4), (6, 4, 4), (6, 3, 4, 4), (6, 4, 4, 3), (6, 2, 2, 2)]
)


def packed(method: int, **arrays: np.ndarray) -> bytes:
    """An archive of them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.save(data, array)
            archive.writestr(f"{name}.npy", data.getvalue())
    return out.getvalue()


X, Y = np.arange(96, dtype=np.uint8).reshape(6, 4, 4), np.arange(6) % 2
SOUND = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y}
ARCHIVES = [packed(method, **SOUND) for method in PACKED]


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    """Of any type and shape, or of a shape that samples have."""
    dtype, shape = np.dtype(draw(TYPES)), draw(st.one_of(SHAPES, SAMPLES))
    if dtype.kind in "OV":
        filled = np.empty(shape, dtype)
        if dtype.kind == "O":
            filled.fill(draw(st.sampled_from([None, "a", 1, [1]])))
        return filled
    return draw(hnp.arrays(dtype, shape))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("arrays") / "made.npz"


def read(load: Callable[[], Dataset]) -> None:
    """All of a data set, or a sentence of each part that can't be read."""
    with one_sentence():
        loaded = load()
        for note in loaded.notes:
            check_sentence(note)
        assert len(loaded.fingerprint) == 16
        with one_sentence():
            loaded.check_test()
        loaded.read_test()


@fuzzed(400, data=st.sampled_from(ARCHIVES).flatmap(damaged))
def test_damaged_archives(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    read(lambda: npz.load(path))


@fuzzed(
    400,
    made=st.dictionaries(
        st.sampled_from([*KEYS, "class_names"]) | TEXT.filter(lambda t: "\0" not in t),
        arrays(),
        max_size=3,
    ),
    method=st.sampled_from(PACKED),
    wanted=st.sampled_from(["labels", "numbers", None]),
)
def test_arrays_of_any_kind(
    made: dict[str, np.ndarray], method: int, wanted: npz.Wanted | None, path: Path
) -> None:
    whole = {**SOUND, **made}
    try:
        path.write_bytes(packed(method, **whole))
    except (ValueError, UnicodeError):  # a name that no archive can have
        return
    read(lambda: npz.load(path, wanted))
