"""Finds a search-space module by name or path and checks what it suggests."""

from __future__ import annotations

import difflib
import functools
import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from pydantic import ValidationError

from vrtune.errors import UsageError, explain
from vrtune.spaces.files import beside, load_file
from vrtune.spaces.points import Lacking, asked_of, plain, refuse_unasked
from vrtune.trial_config import TrialConfig
from vrtune.units import InitSettings

_PACKAGE = Path(__file__).parents[1]
MOST_STARTS = 500  # points of a GRID that a search starts from
# The user's own folder first, then the installed one, then a checkout's.
FOLDERS = (Path("search_spaces"), _PACKAGE / "search_spaces", _PACKAGE.parent / "search_spaces")


@dataclass(frozen=True)
class Space:
    """A method's search space, joined with that of the task's init."""

    name: str
    path: Path
    method: ModuleType
    init: ModuleType

    @property
    def files(self) -> tuple[str, ...]:
        """Where the space and the init are defined, and maybe units of theirs."""
        return tuple(str(module.__file__) for module in (self.method, self.init))

    def suggest(self, trial: optuna.Trial) -> TrialConfig:
        """The settings of one trial. UsageError if a module raises or returns the wrong thing."""
        config = self._ask(self.method, trial, TrialConfig)
        init = self._ask(self.init, trial, InitSettings)
        return config.model_copy(update={"init": init}) if init.kind != "default" else config

    def _ask(self, module: ModuleType, trial: optuna.Trial, expected: type) -> Any:
        where = f"{module.__file__}: suggest(trial)"
        try:
            with beside(module):
                settings = module.suggest(trial)
        except ValidationError as error:
            raise UsageError(f"{where} built settings that are refused: {explain(error)}") from None
        except (StorageInternalError, UpdateFinishedTrialError):  # not the module's fault
            raise
        except (Exception, SystemExit) as error:
            raise UsageError(f"{where} raised {type(error).__name__}: {error}") from error
        if not isinstance(settings, expected):
            raise UsageError(
                f"{where} must return a {expected.__name__}, not {type(settings).__name__}"
            )
        return settings

    def grid(self) -> list[dict[str, Any]]:
        """Every point of the modules' GRIDs. UsageError if there is none, or one that can't run."""
        if not hasattr(self.method, "GRID"):
            raise UsageError(f"{self.path} has no GRID: add one, or choose another --sampler")
        grid: dict[str, list[Any]] = {}
        for module in (self.method, self.init):
            own = getattr(module, "GRID", {})
            if not isinstance(own, dict) or not all(
                isinstance(values, list | tuple) and values for values in own.values()
            ):
                raise UsageError(f"{module.__file__}: GRID must be a dict of non-empty lists")
            grid |= {name: [plain(value) for value in values] for name, values in own.items()}
        points = [
            dict(zip(grid, point, strict=True)) for point in itertools.product(*grid.values())
        ]
        asked = set().union(*(asked_of(self.suggest, point, self.path, "GRID") for point in points))
        refuse_unasked(set(grid), asked, self.path, "GRID")
        return points

    def default(self) -> dict[str, Any]:
        """The modules' DEFAULTs as one point, worth the first trial; empty where one has none.

        UsageError if one is no setting of its module: a value out of range, a name too many or too
        few.
        """
        point: dict[str, Any] = {}
        for module, expected in ((self.method, TrialConfig), (self.init, InitSettings)):
            own = getattr(module, "DEFAULT", None)
            if own is None and module is self.method:
                return {}
            if not isinstance(own, dict | None):
                raise UsageError(f"{module.__file__}: DEFAULT must be a dict, a value a parameter")
            settings = {name: plain(value) for name, value in (own or {}).items()}
            try:
                suggest = functools.partial(self._ask, module, expected=expected)
                asked = asked_of(suggest, settings, module.__file__, "DEFAULT")
            except Lacking:
                if own is None:  # the user's init is searched, and says no setting
                    return {}
                raise
            refuse_unasked(set(settings), asked, module.__file__, "DEFAULT")
            point |= settings
        return point

    def starts(self) -> list[dict[str, Any]]:
        """The points of GRID to start from: none of one that is not there, or lacks a parameter, or
        has so many that it says little."""
        own = [getattr(module, "GRID", None) for module in (self.method, self.init)]
        sizes = [len(values) for grid in own if isinstance(grid, dict) for values in grid.values()]
        if own[0] is None or math.prod(sizes) > MOST_STARTS:
            return []
        try:
            return self.grid()
        except Lacking:
            return []

    def check(self) -> TrialConfig:
        """Asks for one trial, outside any storage, so that a faulty module is found early."""
        return self.suggest(_trial())

    def ranges(self) -> dict[str, BaseDistribution]:
        """The parameters that a trial asks for, and what they may be; one of several possible
        answers where it depends on what is suggested."""
        trial = _trial()
        self.suggest(trial)
        return trial.distributions


def _trial() -> optuna.Trial:
    """A trial of no storage."""
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()


def names() -> dict[str, Path]:
    """The search spaces that can be called by name."""
    found: dict[str, Path] = {}
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.py")):
            if path.stem != "__init__":
                found.setdefault(path.stem, path.resolve())
    return found


def load(space: str, init: str = "default") -> Space:
    """Finds a search space, by its name or its file.

    Args:
        space: a name (`vrtune list spaces`), or the path of a .py file.
        init: how weights start: the name of a module in the folder `inits` of search spaces.

    Returns:
        The space: `suggest(trial)` asks it for a TrialConfig.

    Raises:
        UsageError: there is no such space or init, or it can't be imported.

    Example:
        >>> from vrtune.spaces import load
        >>> load("storm").check().estimator.kind
        'storm'
    """
    path = Path(space) if space.endswith(".py") else names().get(space)
    if path is None:
        near = difflib.get_close_matches(space, names(), 1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(sorted(names()))}"
        raise UsageError(f"there is no search space {space!r}: {hint} (or give a .py file)")
    if not path.is_file():
        raise UsageError(f"there is no file {path}: give the path of a search-space module")
    return Space(path.stem, path.resolve(), _import(path), _import(_init_path(init)))


def _init_path(init: str) -> Path:
    paths = {p.stem: p for folder in reversed(FOLDERS) for p in (folder / "inits").glob("*.py")}
    if init not in paths:
        known = ", ".join(sorted(set(paths) - {"__init__"}))
        raise UsageError(f"there is no init {init!r}: choose one of {known}")
    return paths[init]


def _import(path: Path) -> ModuleType:
    """A search space's module. UsageError if it is none."""
    module = load_file(path)
    if not callable(getattr(module, "suggest", None)):
        raise UsageError(f"{path} is no search space: define suggest(trial) -> TrialConfig in it")
    return module
