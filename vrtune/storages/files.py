"""Files that keep studies: what can be told of one before it is opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.urls import Place

OTHER = "give another with --storage"


def check_file(place: Place, path: Path, *, create: bool, write: bool) -> bool:
    """Whether the file of a storage is there. UsageError or VrtuneError if it can't be opened, or
    written where that is wanted, by this user on this disk."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        raise VrtuneError(f"{place} can't be opened ({error.strerror}): {OTHER}") from None
    folder = path.parent
    if mode is None:
        if not create:
            raise UsageError(f"there is no {path} here: search first, or give --storage")
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder} for {path.name}: make it first")
    elif stat.S_ISDIR(mode):
        raise UsageError(f"{place} is a folder: give a file in it")
    elif not stat.S_ISREG(mode):
        raise UsageError(f"{place} is no file but a pipe or a device: {OTHER}")
    elif not os.access(path, os.R_OK):
        raise VrtuneError(f"{place} may not be read by this user: ask its owner, or {OTHER}")
    if write and (place.only_read or not may_write(path)):
        raise VrtuneError(f"{place} may be read only: ask for the right to write there, or {OTHER}")
    return mode is not None


def may_write(path: Path) -> bool:
    """Whether this user may change the file and add others beside it, on this disk."""
    path = path.resolve()  # what SQLite adds lies beside the file, not beside a link to it
    beside = os.access(path.parent, os.W_OK | os.X_OK)
    return beside and (not path.exists() or os.access(path, os.W_OK))
