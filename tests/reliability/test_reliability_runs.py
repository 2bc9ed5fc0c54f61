"""Real searches under faults, in short: nothing is lost, stuck or doubled, and no bit differs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import pytest

Part = Callable[[str], ModuleType]
pytestmark = pytest.mark.slow

RUNS = [
    ("a process killed", "sqlite", (3, 0)),
    ("a process killed", "postgresql", (2, 1)),
    ("a process killed", "journal", (2, 1)),
    ("a search asked to end", "sqlite", (2, 0)),
    ("its server restarted", "postgresql", (2, 0)),
    ("connections cut", "postgresql", (2, 0)),
    ("its file locked", "sqlite", (2, 0)),
    ("its file locked", "journal", (2, 0)),
    ("files that can't grow", "journal", (2, 0)),
    ("a disk that is full", "sqlite", (2, 0)),
    ("checkpoints spoiled", "sqlite", (2, 0)),
]
UNBROKEN: dict[Any, Any] = {}


@pytest.mark.parametrize(("fault", "storage", "shape"), RUNS)
def test_a_search_endures(part: Part, fault: str, storage: str, shape: tuple[int, int]) -> None:
    enduring, caused = part("enduring"), part("faults").FAULTS[fault]
    setting = part("setting").Setting(rates=1, epochs=60)
    curves, _ = _unbroken(enduring, setting)
    with _room(enduring, storage, small=caused.small) as place:
        row = enduring.endure(
            caused,
            place,
            setting,
            curves,
            part("setting").Shape(*shape),
            times=3,
            rng=random.Random(0),
        )
    assert row["times"] > 0
    assert not part("table").is_bad(row), row


@pytest.mark.parametrize("storage", ["sqlite", "journal"])
def test_a_retraining_endures(part: Part, storage: str) -> None:
    enduring = part("enduring")
    setting = part("setting").Setting(rates=1, methods=("svrg", "adam"), epochs=80, retrain=1)
    _, kept = _unbroken(enduring, setting)
    with _room(enduring, storage) as place:
        row = part("retraining").endure(place, setting, kept, times=3, rng=random.Random(0))
    assert row["times"] > 0
    assert not part("table").is_bad(row), row


def _unbroken(enduring: ModuleType, setting: Any) -> Any:
    """One for each setting."""
    if setting not in UNBROKEN:
        UNBROKEN[setting] = enduring.unbroken(setting)
    return UNBROKEN[setting]


@contextmanager
def _room(enduring: ModuleType, storage: str, *, small: bool = False) -> Iterator[Any]:
    """Skips where there is no server, or where no disk may be mounted."""
    with ExitStack() as stack:
        try:
            place = stack.enter_context(enduring.room(storage, small=small))
        except (FileNotFoundError, PermissionError) as error:
            pytest.skip(str(error))
        yield place
