"""A user's own space, in a folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vrtune import spaces
from vrtune.spaces import FROM_FILE, Space
from vrtune.trial_config import ROLES

HEAD = "from vrtune import *\n"
SUGGEST = """
def suggest(trial):
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", LOW, 1.0, log=True)))
"""

Make = Callable[..., Space]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Loads a space of a text, `LOW` being the low end of its range, with files beside it; nothing
    is left in sys.modules under the names of those files."""
    before, path = set(sys.modules), list(sys.path)
    enrolled = [dict(role.enrolled) for role in ROLES]

    def make(text: str | bytes = "LOW = 0.1", name: str = "space.py", **beside: str) -> Space:
        for other, content in beside.items():
            file = tmp_path / f"{other}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        whole = text if isinstance(text, bytes) else f"{HEAD}{text}\n{SUGGEST}".encode()
        (tmp_path / name).write_bytes(whole)
        return spaces.load(str(tmp_path / name))

    yield make
    assert sys.path == path
    for module in set(sys.modules) - before:
        file = getattr(sys.modules[module], "__file__", None)
        assert module.startswith(FROM_FILE) or tmp_path not in Path(file or "/").parents, module
    for role, kinds in zip(ROLES, enrolled, strict=True):
        role.enrolled.clear()
        role.enrolled.update(kinds)
