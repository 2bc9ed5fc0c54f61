"""Journals: files with a line a change, looked through before anything is written to them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import get_lock_file

from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.faults import StorageFault, fault, plain
from vrtune.storages.urls import Place


def open_journal(place: Place, path: Path, *, write: bool) -> JournalStorage:
    """A journal as a storage. UsageError or VrtuneError if it holds something else or is damaged,
    with nothing written."""
    if path.exists():
        _check(place, path, write=write)
    try:
        return _Journal(_Lines(place, path, write=write))
    except VrtuneError:
        raise
    except Exception:  # as Optuna has it where what a line changes is not there
        raise _damaged(place, "a line") from None


@plain
class _Journal(JournalStorage):
    """A journal that says in a sentence what is wrong with it."""

    def __init__(self, lines: _Lines) -> None:
        self.url = lines.place.given
        super().__init__(lines)


class _Lines(JournalFileBackend):
    """The lines of a journal: whole ones are added, or none."""

    def __init__(self, place: Place, path: Path, *, write: bool) -> None:
        self.place, self.write = place, write
        with self._told():
            super().__init__(str(path))

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        with self._told():
            yield from super().read_logs(log_number_from)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        if not self.write:
            raise VrtuneError(f"{self.place} was opened to be read only")
        lines = "".join(f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs)
        with self._told(), get_lock_file(self._lock), open(self._file_path, "r+b") as file:
            end = file.seek(0, os.SEEK_END)
            if end and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                raise _cut_off(self.place)
            try:
                file.write(lines.encode())
                file.flush()
                os.fsync(file.fileno())
            except OSError:  # such as a full disk: half a line would spoil all that follow
                os.truncate(self._file_path, end)
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise fault(self.place.given, OSError(error.strerror)) from None
        except ValueError:
            raise _damaged(self.place, "a line") from None


def _check(place: Place, path: Path, *, write: bool) -> None:
    """Every line must be a change that Optuna wrote; of the last one a part will do to be read."""
    with path.open("rb") as file:
        if file.read(1) not in (b"{", b""):
            raise _another(place)
        file.seek(0)
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                if write:
                    raise _cut_off(place)
            elif not _is_change(line):
                raise _another(place) if number == 1 else _damaged(place, f"line {number}")


def _is_change(line: bytes) -> bool:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(said, dict):
        return False
    return isinstance(said.get("op_code"), int) and isinstance(said.get("worker_id"), str)


def _another(place: Place) -> UsageError:
    return UsageError(
        f"{place} is no journal of studies but another program's file: give another with --storage"
    )


def _cut_off(place: Place) -> StorageFault:
    return StorageFault(
        f"{place} ends within a line, as after a crash: copy it and take that line out, "
        "or search with another --storage"
    )


def _damaged(place: Place, what: str) -> StorageFault:
    return StorageFault(
        f"{place} is damaged, {what} is none of Optuna's: copy it and take the damaged lines out, "
        "or give another with --storage"
    )
