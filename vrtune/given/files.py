"""Files that are written where a user wants them: whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from vrtune.errors import VrtuneError

STORAGES = (b"SQLite format 3\0", b'{"op_code"')  # what files of databases and journals begin with


def check_writable(path: Path) -> None:
    """VrtuneError if no file could be written there, before anything is done for it."""
    target = path.resolve()
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if not target.exists() or target.is_file():
            with tempfile.TemporaryFile(dir=target.parent):
                pass
        _refuse_storage(path)
    except (OSError, ValueError) as error:
        raise _fault(path, error, "file") from None


def check_folder(path: Path) -> None:
    """VrtuneError if no files could be written to a folder, which is made later."""
    try:
        there = path.resolve()
        while not there.exists() and there.parent != there:
            there = there.parent
        with tempfile.TemporaryFile(dir=there):
            pass
    except (OSError, ValueError) as error:
        raise _fault(path, error, "folder") from None


def make_folder(path: Path) -> None:
    """Makes a folder, if it is not there. VrtuneError if that can't be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _fault(path, error, "folder") from None


def write(path: Path, text: str | bytes) -> None:
    """Writes a whole file or none. VrtuneError if that can't be done."""
    try:
        data = text.encode() if isinstance(text, str) else text
        target = path.resolve()  # a link stays a link
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        if target.exists() and not target.is_file():  # such as /dev/stdout
            path.write_bytes(data)
            return
        _refuse_storage(target)
        try:
            beside.write_bytes(data)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise _fault(path, error, "file") from None


def _refuse_storage(path: Path) -> None:
    """OSError for a file that holds studies, or another database: they would be lost."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        begin = file.read(max(map(len, STORAGES)))
    if begin.startswith(STORAGES):
        raise FileExistsError(errno.EEXIST, "it is a database, which would be lost")


def _fault(path: Path, error: Exception, what: str) -> VrtuneError:
    why = getattr(error, "strerror", None) or error
    return VrtuneError(f"{path} can't be written ({why}): give another {what} with -o")
