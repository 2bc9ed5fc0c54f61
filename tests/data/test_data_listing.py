"""Which files of an image folder are read: what is hidden, linked, piped, or of another kind."""

from __future__ import annotations

import os
import shutil
import socket
import unicodedata
from contextlib import chdir
from pathlib import Path

import pytest
from PIL import Image

from vrtune.data import folder
from vrtune.data.base import Dataset
from vrtune.errors import VrtuneError


def save(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (5, 4), value).save(path)
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Classes cat and dog, with two training images and one test image each."""
    for name in ("cat", "dog"):
        for i in range(2):
            save(tmp_path / "images" / "train" / name / f"{i}.png", i)
        save(tmp_path / "images" / "test" / name / "0.png")
    return tmp_path / "images"


def counts(loaded: Dataset) -> list[int]:
    return loaded.train.y.bincount().tolist()


@pytest.mark.parametrize(
    "hidden",
    [
        ".ipynb_checkpoints/0.png",
        "cat/.ipynb_checkpoints/0.png",
        "cat/deep/er/.thumbs/0.png",
        "cat/._0.png",
        "__MACOSX/._0.png",
        "cat/__MACOSX/0.png",
        "dog/@eaDir/0.png",
        "cat/.hidden/deep/0.png",
    ],
)
def test_hidden_files_are_not_read(hidden: str, images: Path) -> None:
    for part in ("train", "test"):
        save(images / part / Path(hidden).parent / "x.png").rename(images / part / hidden)
    loaded = folder.load(images)
    loaded.check_test()
    assert counts(loaded) == [2, 2]
    assert len(loaded.read_test().y) == 2
    assert loaded.notes == ()


def test_images_at_any_depth_belong_to_their_class(images: Path) -> None:
    save(images / "train" / "cat" / "a" / "b" / "7.png")
    assert counts(folder.load(images)) == [3, 2]


def test_what_is_passed_over_is_told_by_ending(images: Path) -> None:
    for name in ("a.heic", "b.HEIC", "notes.txt", "LICENSE", "evil.\x1b[31m"):
        (images / "train" / "cat" / name).write_text("")
    (images / "test" / "dog" / "c.heic").write_text("")
    save(images / "train" / "loose.png")
    train, test = folder.load(images).notes
    assert train == (
        f"{images}/train: 6 files are passed over (2 .heic, 1 .\\x1b[31m, 1 .png in no class "
        "folder, 1 .txt, 1 without ending): convert those that are images to .png or .jpg"
    )
    assert test.startswith(f"{images}/test: 1 file is passed over (1 .heic): ")


@pytest.mark.parametrize("ending", [".jfif", ".jpe", ".gif", ".webp", ".tif", ".PNG", ".ppm"])
def test_endings_that_are_read(ending: str, images: Path) -> None:
    path = images / "train" / "cat" / f"9{ending}"
    Image.new("RGB", (5, 4)).save(path, "JPEG" if ending in (".jfif", ".jpe") else None)
    loaded = folder.load(images)
    assert counts(loaded) == [3, 2]
    assert loaded.notes == ()


def test_what_is_no_file_is_passed_over_and_never_waited_for(images: Path) -> None:
    cat = images / "train" / "cat"
    os.mkfifo(cat / "pipe.png")
    (cat / "gone.png").symlink_to(cat / "nowhere.png")
    (cat / "itself.png").symlink_to(cat / "itself.png")
    with socket.socket(socket.AF_UNIX) as made, chdir(cat):  # a socket's path is short
        made.bind("socket.png")
    loaded = folder.load(images)
    assert counts(loaded) == [2, 2]
    assert loaded.notes[0].startswith(f"{images}/train: 4 files are passed over (4 that no file")


def test_links_are_followed_once(images: Path) -> None:
    (images / "train" / "cat" / "round").symlink_to(images / "train" / "cat")
    (images / "train" / "cat" / "one.png").symlink_to(images / "train" / "cat" / "0.png")
    loaded = folder.load(images)
    assert counts(loaded) == [3, 2]
    assert "1 linked twice" in loaded.notes[0]


def test_a_class_that_is_a_link_to_another_is_refused(images: Path) -> None:
    (images / "train" / "owl").symlink_to(images / "train" / "cat")
    with pytest.raises(VrtuneError, match="owl was reached before"):
        folder.load(images)


def test_a_folder_that_cannot_be_looked_into(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(VrtuneError, match=r"train cannot be looked into \(Permission denied\)"):
        folder.load(images)


def spell(images: Path, part: str, form: str) -> None:
    (images / part / "cat").rename(images / part / unicodedata.normalize(form, "café"))


def test_class_names_are_compared_in_one_form(images: Path) -> None:
    spell(images, "train", "NFD")
    spell(images, "test", "NFC")
    loaded = folder.load(images)
    loaded.check_test()
    assert loaded.class_names == (unicodedata.normalize("NFC", "café"), "dog")
    assert sorted(loaded.read_test().y.tolist()) == [0, 1]


def test_a_copy_in_another_form_is_the_same_data(images: Path) -> None:
    spell(images, "train", "NFC")
    save(images / "train" / "dog" / "caff\u00e8.png", 5)
    save(images / "train" / "dog" / "cafg.png", 6)
    before = folder.load(images).fingerprint
    for path in (images / "train").rglob("*"):
        if not path.name.isascii():
            path.rename(path.with_name(unicodedata.normalize("NFD", path.name)))
    assert folder.load(images).fingerprint == before


@pytest.mark.parametrize("part", ["train", "test"])
def test_two_spellings_of_a_class_in_one_part_are_refused(part: str, images: Path) -> None:
    spell(images, "train", "NFC")
    for form in ("NFC", "NFD"):
        save(images / part / unicodedata.normalize(form, "café") / "1.png")
    with pytest.raises(VrtuneError, match=r"two folders 'café' that Unicode spells differently"):
        folder.load(images).check_test()


def test_names_that_are_no_text(images: Path) -> None:
    """Bytes that aren't UTF-8, and escape codes: whatever is said of them can be printed."""
    for part in ("train", "test"):
        os.rename(images / part / "cat", os.fsencode(images / part) + b"/caf\xe9\x1b[31m")
    loaded = folder.load(images)
    loaded.check_test()
    assert loaded.class_names == ("caf\\udce9\\x1b[31m", "dog")
    (bad,) = (images / "train").glob("caf*")
    (bad / "0.png").write_bytes(b"no image")
    with pytest.raises(VrtuneError, match=r"caf\\udce9\\x1b\[31m/0.png cannot be read") as caught:
        folder.load(images)
    str(caught.value).encode()


def test_a_class_of_which_all_is_passed_over_says_so(images: Path) -> None:
    for file in (images / "train" / "cat").iterdir():
        file.rename(file.with_suffix(".heic"))
    with pytest.raises(VrtuneError, match=r"cat holds no images \(2 files are passed over"):
        folder.load(images)
    for file in (images / "train" / "dog").iterdir():
        file.unlink()
    with pytest.raises(
        VrtuneError, match=r"train holds no images \(2 files are passed over \(2 .h"
    ):
        folder.load(images)


def test_folders_deeper_than_a_path_may_be_long(images: Path) -> None:
    with chdir(images / "train" / "cat"):
        for _ in range(20):
            os.mkdir("a" * 240)
            os.chdir("a" * 240)
    with pytest.raises(VrtuneError, match=r"a\.\.\. cannot be looked into \(File name too long\)"):
        folder.load(images)
    shutil.rmtree(images)


def test_classes_that_a_link_makes_one_are_refused(images: Path) -> None:
    (images / "test" / "cat" / "up").symlink_to(images / "test")  # dogs would be cats
    with pytest.raises(VrtuneError, match="test/dog was reached before, as a part of another"):
        folder.load(images).check_test()


def test_classes_that_differ_by_case_are_two_and_that_is_told(images: Path) -> None:
    save(images / "train" / "Cat" / "0.png")
    loaded = folder.load(images)
    assert loaded.class_names == ("Cat", "cat", "dog")
    assert loaded.notes == (
        f"{images}/train: 'Cat' and 'cat' are two classes: merge the folders if one was meant",
    )
