"""Images as cameras, scanners and accidents leave them."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from vrtune import machine
from vrtune.data import folder
from vrtune.data.pictures import TURNS, decode, look
from vrtune.errors import VrtuneError

TAG = 0x0112  # orientation
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def lay_out(root: Path, size: tuple[int, int] = (6, 4)) -> Path:
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (root / part / name).mkdir(parents=True)
            for i in range(2):
                Image.new("RGB", size, (i, 0, 255)).save(root / part / name / f"{i}.png")
    return root


def scene() -> np.ndarray:
    """5 wide, 4 high: no two turns of it are alike."""
    pixels = np.zeros((4, 5, 3), np.uint8)
    pixels[0] = 250
    pixels[:, 0] = 120
    return pixels


@pytest.mark.parametrize("ending", [".png", ".tif", ".jpg", ".webp"])
@pytest.mark.parametrize("tag", range(1, 9))
def test_images_are_brought_upright(tag: int, ending: str, tmp_path: Path) -> None:
    """A camera stores what its sensor saw, and how it was held."""
    undone = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270} | {
        kept: TURNS[kept] for kept in (2, 3, 4, 5, 7)
    }
    image, exif = Image.fromarray(scene()), Image.Exif()
    stored = image.transpose(undone[tag]) if tag in undone else image
    exif[TAG] = tag
    given = {"lossless": True} if ending == ".webp" else {}
    stored.save(tmp_path / f"a{ending}", exif=exif, **given)
    header = look(tmp_path / f"a{ending}")
    assert (header.width, header.height) == (5, 4)
    pixels = decode(tmp_path / f"a{ending}").pixels.transpose(1, 2, 0)
    if ending == ".jpg":  # loses a little
        assert np.abs(pixels.astype(int) - scene()).mean() < 40
        assert pixels[0, 1:].mean() > pixels[1:, 0].mean() > pixels[1:, 2:].mean()
    else:
        assert np.array_equal(pixels, scene())


def test_a_tag_behind_the_pixels(tmp_path: Path) -> None:
    """PNG allows it; whichever image is decoded first."""
    image, exif = Image.fromarray(scene()), Image.Exif()
    exif[TAG] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
    data = (tmp_path / "a.png").read_bytes()
    start = data.index(b"eXIf") - 4
    stop = start + 12 + int.from_bytes(data[start : start + 4], "big")
    moved = data[:start] + data[stop:-12] + data[start:stop] + data[-12:]  # before IEND
    (tmp_path / "a.png").write_bytes(moved)
    image.save(tmp_path / "b.png")
    for first in (None, look(tmp_path / "b.png")):
        found = decode(tmp_path / "a.png", first).pixels
        assert np.array_equal(found.transpose(1, 2, 0), scene())


def test_damaged_tags_leave_an_image_as_it_is(tmp_path: Path) -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(range(40))
    Image.fromarray(scene()).save(tmp_path / "a.jpg", exif=exif)
    assert decode(tmp_path / "a.jpg").pixels.shape == (3, 4, 5)
    Image.fromarray(scene()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + b"nonsense")
    assert decode(tmp_path / "a.jpg").pixels.shape == (3, 4, 5)


@pytest.mark.parametrize("escalated", [False, True])
def test_too_large_an_image_is_named(
    escalated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = lay_out(tmp_path)
    Image.new("1", (60, 40)).save(root / "train" / "cat" / "slide.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # refused from twice as many on
    with pytest.raises(VrtuneError, match=r"cat/slide.png is too large for an image"):
        folder.load(root)
    Image.new("1", (60, 20)).save(root / "train" / "cat" / "slide.png")  # Pillow but warns
    with warnings.catch_warnings():
        warnings.simplefilter("error" if escalated else "default")
        with pytest.raises(VrtuneError, match=r"slide.png is 60x20 pixels, but .*bring all"):
            folder.load(root)


def test_images_that_memory_cannot_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay_out(tmp_path)
    loaded = folder.load(root)
    monkeypatch.setattr(machine, "free_memory", lambda: 4 * 6 * 4 * 3 - 1)
    with pytest.raises(VrtuneError, match=r"train, 4 images of 6x4 pixels, needs 0.0 GB of memory"):
        folder.load(root)
    with pytest.raises(VrtuneError, match=r"the test part of .* needs 0.0 GB of memory"):
        loaded.check_test()


def test_transparent_images_and_frames_are_told(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    cat = root / "train" / "cat"
    Image.new("RGBA", (6, 4), (9, 8, 7, 0)).save(cat / "clear.png")
    Image.new("RGBA", (6, 4), (9, 8, 7, 255)).save(cat / "opaque.png")
    palette = Image.new("P", (6, 4))
    palette.save(cat / "palette.png", transparency=0)
    frames = [Image.new("RGB", (6, 4), colour) for colour in (WHITE, BLACK)]
    frames[0].save(cat / "moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save(cat / "pages.tif", save_all=True, append_images=frames[1:])
    loaded = folder.load(root)
    clear, moving = loaded.notes
    assert clear.startswith(f"{root}/train: 2 of 9 images are transparent in places")
    assert moving == f"{root}/train: of 2 images with several frames or pages the first is taken"
    assert (loaded.train.x[3] == 255).all(), "moving.gif, its first frame"
    assert loaded.train.x[2, :, 0, 0].tolist() == [9, 8, 7]


def test_inks_palettes_and_bits(tmp_path: Path) -> None:
    """CMYK, a palette, one bit and 16 bits a colour come out as viewers show them."""
    red = Image.new("RGB", (6, 4), (254, 0, 0))
    red.convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    assert np.abs(decode(tmp_path / "a.jpg").pixels[:, 0, 0] - [254, 0, 0]).max() < 4
    red.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "b.png")
    assert decode(tmp_path / "b.png").pixels[:, 0, 0].tolist() == [254, 0, 0]
    Image.new("1", (6, 4), 1).save(tmp_path / "c.png")
    assert decode(tmp_path / "c.png").pixels.min() == 255
    Image.fromarray(np.full((4, 6), 9, np.uint16)).save(tmp_path / "d.png")
    with pytest.raises(VrtuneError, match="more than 8 bits a channel"):
        look(tmp_path / "d.png")


def test_another_format_than_the_ending_says(tmp_path: Path) -> None:
    Image.fromarray(scene()).save(tmp_path / "a.png", "WEBP", lossless=True)
    assert np.array_equal(decode(tmp_path / "a.png").pixels.transpose(1, 2, 0), scene())
    Image.fromarray(scene()).save(tmp_path / "b.png", "EPS")  # Pillow runs a program for it
    with pytest.raises(VrtuneError, match="cannot be read as an image"):
        decode(tmp_path / "b.png")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(VrtuneError, match="no regular file"):
        decode(tmp_path / "a.png")


def test_text_that_swells(tmp_path: Path) -> None:
    """A few bytes that would fill the memory: Pillow bounds them, and says so by an exception."""
    info = PngImagePlugin.PngInfo()
    info.add_text("swells", "x" * (PngImagePlugin.MAX_TEXT_CHUNK + 1), zip=True)
    Image.fromarray(scene()).save(tmp_path / "a.png", pnginfo=info)
    with pytest.raises(VrtuneError, match="cannot be read as an image"):
        decode(tmp_path / "a.png")


# ---- the test part, before the search ----------------------------------------------------------


def test_a_test_part_that_fits(tmp_path: Path) -> None:
    loaded = folder.load(lay_out(tmp_path))
    loaded.check_test()
    assert loaded.class_names == ("cat", "dog")


def test_a_test_part_that_does_not_fit_is_told_without_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = lay_out(tmp_path)
    loaded = folder.load(root)

    def no_pixels(*_: object) -> None:
        raise AssertionError("no image is decoded")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", no_pixels)
    loaded.check_test()
    last = root / "test" / "dog" / "1.png"
    monkeypatch.undo()
    Image.new("RGB", (4, 6)).save(last)
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", no_pixels)
    with pytest.raises(VrtuneError, match=r"1\.png is 4x6 pixels, but .*0\.png is 6x4"):
        loaded.check_test()
    last.write_bytes(b"no image")
    with pytest.raises(VrtuneError, match=r"1.png cannot be read as an image"):
        loaded.check_test()
    for file in (root / "test").rglob("*.png"):
        file.unlink()
    with pytest.raises(VrtuneError, match="test holds no images"):
        loaded.check_test()
    (root / "test" / "yak").mkdir()
    with pytest.raises(VrtuneError, match="yak is a class that the training part lacks"):
        loaded.check_test()


def test_a_test_part_of_another_size_throughout(tmp_path: Path) -> None:
    root = lay_out(tmp_path / "a")
    lay_out(tmp_path / "b", (7, 7))
    (root / "test").rename(root / "old")
    (tmp_path / "b" / "test").rename(root / "test")
    with pytest.raises(VrtuneError, match=r"images of shape \(3, 7, 7\), its training part \(3, 4"):
        folder.load(root).check_test()


def test_training_images_are_no_test(tmp_path: Path) -> None:
    root = lay_out(tmp_path)
    (root / "test").rename(root / "old")
    (root / "test").symlink_to(root / "train")
    loaded = folder.load(root)
    for ask in (loaded.check_test, loaded.read_test):
        with pytest.raises(VrtuneError, match="test is the training part itself"):
            ask()
