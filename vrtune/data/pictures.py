"""One image file: what its header says, and its pixels."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from vrtune.display.figures import safe
from vrtune.errors import VrtuneError

ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".ppm", ".pgm", ".pbm", ".pnm", ".bmp"),
    *(".tif", ".tiff", ".webp", ".gif", ".avif"),
)
# what a file may hold, whatever its ending: Pillow would run a program for some others
FORMATS = ("JPEG", "PNG", "PPM", "BMP", "DIB", "TIFF", "WEBP", "GIF", "AVIF")
TURNS = {  # what brings an image upright, by the value of its tag
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = 5  # from this value on, width is height


@dataclass(frozen=True)
class Header:
    """What is known of an image, upright, before it is decoded."""

    file: Path
    width: int
    height: int
    gray: bool

    def check_size(self, first: Header) -> None:
        """VrtuneError unless it is as large as the first one."""
        if (self.width, self.height) != (first.width, first.height):
            raise VrtuneError(
                f"{safe(self.file)} is {self.size}, but {safe(first.file)} is {first.size}; "
                "bring all images to one size"
            )

    @property
    def size(self) -> str:
        """Width and height in words."""
        return f"{self.width}x{self.height} pixels"


@dataclass(frozen=True)
class Picture:
    """An image."""

    header: Header
    pixels: np.ndarray  # uint8 [3, H, W], upright
    clear: bool  # transparent in places: hidden colours were shown
    moving: bool  # the first of several frames


def endings() -> tuple[str, ...]:
    """Those of the files that Pillow, as it is installed here, can read."""
    known = Image.registered_extensions()
    return tuple(ending for ending in ENDINGS if ending in known)


def look(file: Path) -> Header:
    """The header of an image file. VrtuneError if it can't be read, or has more than 8 bits a
    channel."""
    with _opened(file) as image:
        return _header(file, image, _turn(image))


def decode(file: Path, first: Header | None = None) -> Picture:
    """The image in a file. VrtuneError also if it is not as large as the first one, or damaged."""
    with _opened(file) as image:
        if first is not None and sorted(image.size) != sorted((first.width, first.height)):
            _header(file, image, 1).check_size(first)  # told before it takes memory
        moving = image.format != "MPO" and getattr(image, "is_animated", False)
        image.load()
        turn = _turn(image)  # the tag may lie behind the pixels
        header = _header(file, image, turn)
        clear = image.has_transparency_data and _shows_through(image)
        rgb = image.convert("RGB")
        pixels = np.asarray(rgb.transpose(TURNS[turn]) if turn in TURNS else rgb)
    if first is not None:
        header.check_size(first)
    return Picture(header, pixels.transpose(2, 0, 1), clear, moving)


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    """The image in a file. VrtuneError for whatever Pillow raises while it is read: of a damaged
    file that can be anything."""
    name = safe(file)
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe would be waited for
            raise VrtuneError(f"{name} is no regular file; replace or remove it")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tags amiss, and of images that are large but read
            with Image.open(file, formats=FORMATS) as image:
                if image.mode[0] in "IF":
                    raise VrtuneError(
                        f"{name} has more than 8 bits a channel; convert it to 8 bits"
                    )
                yield image
    except VrtuneError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise VrtuneError(f"{name} is too large for an image; shrink or remove it") from error
    except Exception as error:
        raise VrtuneError(f"{name} cannot be read as an image; mend or remove it") from error


def _turn(image: Image.Image) -> int:
    """What the EXIF tag says of how it was taken; 1, upright, where the tags are damaged."""
    if image.format == "TIFF":
        return 1  # Pillow turns it itself
    with suppress(Exception):
        found = Image.Image.getexif(image).get(ExifTags.Base.Orientation)  # reads no pixel
        return found if found in TURNS else 1
    return 1


def _header(file: Path, image: Image.Image, turn: int) -> Header:
    width, height = image.size if turn < SIDEWAYS else image.size[::-1]
    return Header(file, width, height, image.mode == "L")


def _shows_through(image: Image.Image) -> bool:
    return bool((np.asarray(image.convert("RGBA"))[..., 3] < 255).any())
