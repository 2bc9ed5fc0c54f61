"""Folders for what is moved to its place once it is whole; those of killed processes go."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a Unix
    fcntl = None  # type: ignore[assignment]


class Stage:
    """A folder of its own inside another, whose process holds a lock on it; it is removed at the
    end."""

    def __init__(self, folder: Path, prefix: str) -> None:
        """OSError if it can't be made."""
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
            self._lock = _locked(self.path, wait=True)
            if self.path.is_dir():  # else another process has swept it before it was locked
                return
            self.close()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def sweep(folder: Path, prefix: str) -> None:
    """Removes the stages in a folder that no process holds any more; what can't be stays."""
    with suppress(OSError):
        for path in folder.glob(f"{prefix}*"):
            if (lock := _locked(path, wait=False)) is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)


def _locked(path: Path, *, wait: bool) -> int | None:
    """A lock on a folder, which ends with this process; None where there is none to be had."""
    if fcntl is None:
        return None
    handle = None
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return handle
    if handle is not None:
        os.close(handle)
    return None
