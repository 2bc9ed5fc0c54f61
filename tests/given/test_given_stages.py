"""Half-written files of a killed process go with the next one's; those of others stay."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vrtune.given import stages
from vrtune.given.stages import Stage, sweep

MAKES = """
import os, signal, sys
from pathlib import Path
from vrtune.given.stages import Stage
(Stage(Path(sys.argv[1]), ".writing-").path / "half").write_text("of a file")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_is_there_until_the_end(tmp_path: Path) -> None:
    with Stage(tmp_path, ".writing-") as path:
        (path / "half").touch()
        assert (path.parent, path.name[:9]) == (tmp_path, ".writing-")
        sweep(tmp_path, ".writing-")
        assert list(path.iterdir()) == [path / "half"]
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", MAKES, tmp_path], check=False)
    assert ended.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert (left / "half").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / ".writing-file").touch()  # is no stage
    with Stage(tmp_path, ".writing-") as mine:
        sweep(tmp_path, ".writing-")
        assert {path.name for path in tmp_path.iterdir()} == {mine.name, "other", ".writing-file"}


def test_where_there_are_no_locks_nothing_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can't be told whose it is."""
    monkeypatch.setattr(stages, "fcntl", None)
    with Stage(tmp_path, ".writing-") as path:
        sweep(tmp_path, ".writing-")
        assert path.is_dir()
    assert not list(tmp_path.iterdir())


def test_one_that_is_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, locked = stages._locked, []

    def late(path: Path, *, wait: bool) -> int | None:
        locked.append(path)
        if len(locked) == 1:
            path.rmdir()
        return lock(path, wait=wait)

    monkeypatch.setattr(stages, "_locked", late)
    with Stage(tmp_path, ".writing-") as path:
        assert path.is_dir()
        assert [path] == locked[1:]
