"""The parts of benchmarks/reliability.py."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
Part = Callable[[str], ModuleType]


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Part:
    """One of them, by its name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return lambda name: import_module(f"reliability_parts.{name}")
