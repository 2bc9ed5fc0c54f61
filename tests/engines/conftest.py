"""What workers run in these tests, in a module that they can import, too."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from vrtune.engines.base import Engine, Standing

UNITS = '''
"""Signs in as a file with its process id, and out as another, with the signal that ended it."""
import os, time
from pathlib import Path
from vrtune.searching.interrupts import interrupts

def train(folder, seconds):
    with interrupts() as asked:
        (Path(folder) / str(os.getpid())).touch()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not asked():
            time.sleep(0.02)
        (Path(folder) / f"{os.getpid()}.end").write_text(str(asked.by))

def refuse():
    return "there is no data"

def fail():
    raise ValueError("of its own")
'''


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    import importlib
    import sys

    folder = tmp_path / "units"
    folder.mkdir()
    (folder / "engine_units.py").write_text(UNITS)
    monkeypatch.syspath_prepend(str(folder))
    before = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(folder), before))))
    yield importlib.import_module("engine_units")
    del sys.modules["engine_units"]


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    """Where the workers sign."""
    folder = tmp_path / "signed"
    folder.mkdir()
    return folder


def pids(folder: Path) -> set[int]:
    """The processes that have signed in."""
    return {int(path.name) for path in folder.iterdir() if path.suffix != ".end"}


def ends(folder: Path) -> list[str]:
    """How those that have signed out were ended."""
    return sorted(path.read_text() for path in folder.iterdir() if path.suffix == ".end")


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Waits for something."""
    late = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < late
        time.sleep(0.02)


def ended(engine: Engine) -> Standing:
    """What an engine says once its workers have ended, of all that went before."""
    failed, notes = list[str](), list[str]()

    def over() -> bool:
        standing = engine.look()
        failed.extend(standing.failed)
        notes.extend(standing.notes)
        return not standing.working

    until(over)
    return Standing(working=0, failed=tuple(failed), notes=tuple(notes))


def kill(pid: int) -> None:
    """As the system does where memory runs out."""
    os.kill(pid, signal.SIGKILL)
