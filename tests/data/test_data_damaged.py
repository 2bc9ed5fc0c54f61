"""Files with random damage: whatever NumPy, zipfile and Pillow make of them, a sentence is told."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vrtune.data import folder, npz
from vrtune.errors import VrtuneError

quick = settings(max_examples=50, derandomize=True, deadline=None, database=None)
FORMATS = ("png", "jpg", "gif", "bmp", "tif", "webp", "ppm")


def packed(method: int) -> bytes:
    """A sound archive."""
    x, y = np.arange(96, dtype=np.uint8).reshape(6, 4, 4), np.arange(6) % 2
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, array in {"x_train": x, "y_train": y, "x_test": x, "y_test": y}.items():
            data = io.BytesIO()
            np.save(data, array)
            archive.writestr(f"{name}.npy", data.getvalue())
    return out.getvalue()


def picture(ending: str) -> bytes:
    """A sound image, with an EXIF tag where the format has room for it."""
    image, exif, out = (
        Image.effect_mandelbrot((16, 16), (-2, -1, 1, 1), 9),
        Image.Exif(),
        io.BytesIO(),
    )
    exif[0x0112] = 6
    given = {"exif": exif} if ending in ("png", "jpg", "tif", "webp") else {}
    image.convert("RGB").save(out, Image.registered_extensions()[f".{ending}"], **given)
    return out.getvalue()


ARCHIVES = [
    packed(method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
]
PICTURES = {ending: picture(ending) for ending in FORMATS}


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """With bytes changed, most of them in the first hundreds, where headers lie; or cut off."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        near = draw(st.sampled_from([30, 200, len(data)]))
        data[draw(st.integers(0, min(near, len(data)) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.sampled_from([len(data), len(data), len(data) // 2]))])


@pytest.mark.parametrize("whole", ARCHIVES, ids=["stored", "deflated", "lzma"])
def test_damaged_archives(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "made.npz"

    @quick
    @given(damaged(whole))
    def ask(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(VrtuneError):
            loaded = npz.load(path)
            with suppress(VrtuneError):
                loaded.check_test()
            loaded.read_test()

    ask()


@pytest.mark.parametrize("ending", FORMATS)
def test_damaged_images(ending: str, tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            (tmp_path / part / name / f"0.{ending}").write_bytes(PICTURES[ending])
    loaded = folder.load(tmp_path)

    @quick
    @given(damaged(PICTURES[ending]))
    def ask(data: bytes) -> None:
        (tmp_path / "test" / "cat" / f"1.{ending}").write_bytes(data)
        for attempt in (loaded.check_test, loaded.read_test):
            with suppress(VrtuneError):
                attempt()

    ask()
