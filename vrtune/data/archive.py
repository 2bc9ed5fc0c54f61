"""Arrays in an .npz file, one by one; of some only the header, which takes no time."""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy

from vrtune.display.figures import safe
from vrtune.errors import VrtuneError
from vrtune.machine import check_memory

LONGEST = 200  # characters of a reason that are told


class Archive:
    """An .npz file that is open."""

    def __init__(self, path: Path, members: ZipFile) -> None:
        self.path, self.members = path, members
        self.names = {name.removesuffix(".npy"): name for name in members.namelist()}

    def header(self, key: str) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and type of an array; its values are not read."""
        with self.members.open(self.names[key]) as member:
            return _header(member)

    def read(self, key: str) -> np.ndarray:
        """An array. VrtuneError if there is no memory for it."""
        shape, dtype = self.header(key)
        count = math.prod(shape)
        copied = 4 * count if dtype.kind == "f" and dtype != np.float32 else 0
        check_memory(count * dtype.itemsize + copied, f"{key} of {safe(self.path)}")
        with self.members.open(self.names[key]) as member:
            array = npy.read_array(member, allow_pickle=False)
            if member.read(1):  # the check sum has been compared, too, at the end
                raise ValueError(f"{key} holds more than its header says")
        return array


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """An .npz file. VrtuneError for whatever is raised while it is read: NumPy and zipfile have
    many names for what is damaged, encrypted or packed in a way they don't know."""
    where = safe(path)
    if not os.path.isfile(path):  # a pipe would be waited for
        raise VrtuneError(f"{where} is no regular file; save it with numpy.savez")
    try:
        with warnings.catch_warnings(), ZipFile(path) as members:
            warnings.simplefilter("ignore")  # of headers that an older NumPy wrote
            yield Archive(path, members)
    except VrtuneError:
        raise
    except Exception as error:
        raise VrtuneError(
            f"{where} cannot be read ({_reason(error)}); save it with numpy.savez, without Python "
            "objects"
        ) from error


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = npy.read_magic(member)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(member)
    if any(size < 0 for size in shape):
        raise ValueError(f"shape {shape} is not valid")
    return shape, dtype


def _reason(error: Exception) -> str:
    """What NumPy says, without its options."""
    words = " ".join(str(error).split())
    told = re.split(r"\. | when allow_pickle", words)[0].rstrip(".")
    return safe(told[:LONGEST]) or type(error).__name__
