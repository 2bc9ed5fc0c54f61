"""What is searched beside a method: modules for the init, the penalty and the average."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from vrtune.errors import UsageError
from vrtune.own.files import load_file
from vrtune.spaces.found import find_beside
from vrtune.units import AverageSettings, InitSettings, PenaltySettings, Unit

ROLE: dict[str, type[Unit]] = {
    "init": InitSettings,
    "penalty": PenaltySettings,
    "average": AverageSettings,
}


def beside(init: str, penalty: str, average: str) -> dict[str, ModuleType]:
    """The modules of these names, by role. UsageError if there is none.

    No penalty and no average are left out: there is nothing to search, and studies name no file.
    """
    asked = {"init": init, "penalty": penalty, "average": average}
    nothing = {"penalty": "none", "average": "last"}
    return {
        role: module_of(find_beside(role, name))
        for role, name in asked.items()
        if name != nothing.get(role)
    }


def module_of(path: Path) -> ModuleType:
    """A search space's module. UsageError if it is none."""
    module = load_file(path)
    if not callable(getattr(module, "suggest", None)):
        raise UsageError(f"{path} is no search space: define suggest(trial) -> TrialConfig in it")
    return module
