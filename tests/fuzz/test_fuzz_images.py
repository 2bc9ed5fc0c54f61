"""Folders of any files, and images with damage: read, or refused in a sentence."""

from __future__ import annotations

import io
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fuzzing import ODD, check_sentence, damaged, fuzzed, one_sentence
from hypothesis import strategies as st
from PIL import Image
from test_fuzz_arrays import read

from vrtune.data import folder
from vrtune.data.pictures import ENDINGS

FORMATS = ("png", "jpg", "gif", "bmp", "tif", "webp", "ppm")
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "I;16", "F")
SIZES = ((4, 4), (4, 4), (4, 4), (5, 3), (1, 1), (3, 5))


def picture(
    ending: str, mode: str = "RGB", size: tuple[int, int] = (16, 16), turn: int = 6
) -> bytes:
    """An image, with an EXIF tag where the format has room for it; in another mode where it has
    none of that."""
    image, exif, out = Image.effect_mandelbrot(size, (-2, -1, 1, 1), 9), Image.Exif(), io.BytesIO()
    exif[0x0112] = turn
    given = {"exif": exif} if ending in ("png", "jpg", "tif", "webp") else {}
    format = Image.registered_extensions()[f".{ending}"]
    try:
        image.convert(mode).save(out, format, **given)
    except (OSError, ValueError):
        out = io.BytesIO()
        image.convert("RGB").save(out, format, **given)
    return out.getvalue()


PICTURES = {ending: picture(ending) for ending in FORMATS}
NAME = st.text(
    st.sampled_from(ODD.replace("\0", "").replace("/", "") + "abé学A1"), min_size=1, max_size=6
)
FILE = st.one_of(
    st.tuples(
        st.just("picture"),
        st.builds(
            picture,
            st.sampled_from(FORMATS),
            st.sampled_from(MODES),
            st.sampled_from(SIZES),
            st.integers(0, 9),
        ),
    ),
    st.tuples(st.just("bytes"), st.binary(max_size=30)),
    st.tuples(st.sampled_from(["pipe", "link", "loop", "up", "folder", "closed"]), st.just(b"")),
)
FILES = st.lists(st.tuples(NAME, st.sampled_from(["", *ENDINGS, ".txt", ".PNG"]), FILE), max_size=4)
PART = st.dictionaries(st.sampled_from(["cat", "dog", "Cat", ".x", "é"]) | NAME, FILES, max_size=3)


def lay(where: Path, name: str, kind: str, content: bytes) -> None:
    """One file of a kind, unless the file system has no such name."""
    path = where / name
    with suppress(OSError, ValueError, UnicodeError):
        match kind:
            case "pipe":
                os.mkfifo(path)
            case "link":
                path.symlink_to("nowhere")
            case "loop":
                path.symlink_to(path)
            case "up":
                path.symlink_to("..")
            case "folder":
                path.mkdir()
            case _:
                path.write_bytes(content)


def tree(path: Path, parts: dict[str, dict[str, list[Any]]]) -> None:
    """Folders of files, laid anew."""
    shutil.rmtree(path, ignore_errors=True)
    for part, classes in parts.items():
        (path / part).mkdir(parents=True)
        for name, files in classes.items():
            with suppress(OSError, ValueError, UnicodeError):
                (path / part / name).mkdir()
            for i, (stem, ending, (kind, content)) in enumerate(files):
                lay(path / part / name, f"{i}{stem}{ending}", kind, content)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@fuzzed(280, train=PART, test=PART)
def test_folders_of_anything(train: Any, test: Any, path: Path) -> None:
    tree(path / "made", {"train": train, "test": test})
    read(lambda: folder.load(path / "made"))


@fuzzed(200, extra=PART, part=st.sampled_from(["train", "test"]))
def test_files_beside_sound_images(extra: Any, part: str, path: Path) -> None:
    sound = {"cat": [("a", ".png", ("picture", PICTURES["png"]))]}
    sound["dog"] = sound["cat"]
    parts = {"train": dict(sound), "test": dict(sound)}
    for name, files in extra.items():
        parts[part][name] = [*parts[part].get(name, []), *files]
    tree(path / "made", parts)
    read(lambda: folder.load(path / "made"))


@fuzzed(
    450,
    given=st.sampled_from(FORMATS).flatmap(
        lambda ending: st.tuples(st.just(ending), damaged(PICTURES[ending]))
    ),
)
def test_damaged_images(given: tuple[str, bytes], path: Path) -> None:
    """In the test part, which is looked at before it is read."""
    ending, data = given
    where = path / ending
    if not where.exists():
        one = [("0", f".{ending}", ("picture", PICTURES[ending]))]
        tree(where, {part: {"cat": one, "dog": one} for part in ("train", "test")})
    loaded = folder.load(where)
    (where / "test" / "cat" / f"1.{ending}").write_bytes(data)
    for attempt in (loaded.check_test, loaded.read_test):
        with one_sentence():
            attempt()
    for note in loaded.notes:
        check_sentence(note)
