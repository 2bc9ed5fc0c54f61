"""A search space: a module that suggests settings, and checks on what it suggests."""

from __future__ import annotations

import hashlib
import inspect
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from pydantic import ValidationError

from vrtune.errors import UsageError, VrtuneError, explain
from vrtune.events import Stopped
from vrtune.own.files import enrolling, in_their_words, staying
from vrtune.own.sources import digest, reach
from vrtune.spaces.beside import ROLE, beside, module_of
from vrtune.spaces.choices import Refused, any_choices, check_names
from vrtune.spaces.found import find
from vrtune.spaces.points import (
    Lacking,
    Point,
    asked_of,
    default_of,
    grid_of,
    named_by,
    points_of,
    refuse_unasked,
    size_of,
)
from vrtune.trial_config import TrialConfig

MOST_POINTS = 100_000  # of a GRID that is tried whole: each is a trial
MOST_STARTS = 500  # points of a GRID that a search starts from
TRIES = 100  # trials that suggest may prune in a row, before it is taken to prune them all


@dataclass(frozen=True)
class Space:
    """A method's search space, joined with that of the task's init."""

    name: str
    path: Path
    method: ModuleType
    beside: dict[str, ModuleType]  # init, and the penalty and the average that a task asks for

    @property
    def modules(self) -> tuple[ModuleType, ...]:
        """The method's own first."""
        return (self.method, *self.beside.values())

    @property
    def files(self) -> tuple[str, ...]:
        """Where the space and what is beside it are defined, and maybe units of theirs."""
        return tuple(str(module.__file__) for module in self.modules)

    @property
    def fingerprint(self) -> str:
        """Of what its sources mean, and those of what is searched beside it."""
        return fingerprint(self.files)

    def suggest(self, trial: optuna.Trial) -> TrialConfig:
        """The settings of one trial.

        optuna.TrialPruned for settings that the module gives up at once; UsageError if it raises
        anything else, or returns the wrong thing.
        """
        config = self._ask(self.method, trial, TrialConfig)
        found = {role: self._ask(module, trial, ROLE[role]) for role, module in self.beside.items()}
        usual = {role: TrialConfig.model_fields[role].default for role in found}
        return config.model_copy(update={r: u for r, u in found.items() if u != usual[r]})

    def _ask(self, module: ModuleType, trial: Any, expected: type) -> Any:
        where = f"{module.__file__}: suggest(trial)"
        try:
            with enrolling(module), any_choices(trial), staying():
                settings = module.suggest(trial)
            check_names(trial)
            if isinstance(settings, TrialConfig) and type(settings) is not TrialConfig:
                parts = {name: getattr(settings, name) for name in TrialConfig.model_fields}
                settings = TrialConfig(**parts)  # what its class adds is no setting
        except ValidationError as error:
            raise UsageError(f"{where} built settings that are refused: {explain(error)}") from None
        except Refused as error:
            raise type(error)(f"{module.__file__}: {error}") from None
        except VrtuneError as error:
            raise UsageError(f"{where}: {error}") from None
        except (optuna.TrialPruned, KeyboardInterrupt, Stopped):
            raise
        except BaseException as error:
            if _of_a_storage(error):
                raise
            raise UsageError(f"{where} raised {in_their_words(error)}") from error
        if not isinstance(settings, expected):
            given = type(settings).__name__
            if inspect.iscoroutine(settings):  # which would warn that no one awaits it
                settings.close()
            raise UsageError(f"{where} must return a {expected.__name__}, not {given}")
        return settings

    def grid(self) -> list[Point]:
        """Every point of the modules' GRIDs, with what suggest asks for at it; those that it prunes
        belong to them. UsageError if there is none, or one that can't run."""
        if named_by(self.method, "GRID") is None:
            raise UsageError(f"{self.path} has no GRID: add one, or choose another --sampler")
        size = size_of(self.modules)
        if size > MOST_POINTS:
            raise UsageError(
                f"{self.path}: GRID has {size:,} points, and {MOST_POINTS:,} are the most that can "
                "be tried: name fewer values, or choose another --sampler"
            )
        found = self._grid()
        if all(pruned for _, pruned in found):
            raise UsageError(f"{self.path}: suggest(trial) prunes every point of GRID")
        return [point for point, _ in found]

    def _grid(self) -> list[tuple[Point, bool]]:
        """The points, and whether suggest prunes them."""
        grid = grid_of(self.modules)
        found: dict[str, tuple[Point, bool]] = {}
        asked: set[str] = set()
        for point in points_of(grid):
            trial = asked_of(self.suggest, point, "GRID")
            asked |= trial.asked.keys()
            kept = point if trial.pruned else trial.asked
            found.setdefault(repr(sorted(kept.items())), (kept, trial.pruned))
        if not all(pruned for _, pruned in found.values()):
            refuse_unasked(grid, asked, self.path, "GRID")
        return list(found.values())

    def default(self) -> Point:
        """The modules' DEFAULTs as one point, worth the first trial; empty where one has none.

        UsageError if one is no setting of its module: a value out of range, a name too many or too
        few.
        """
        point: Point = {}
        for module in self.modules:
            expected = self._expected(module)
            own = default_of(module)
            if own is None and module is self.method:
                return {}
            settings = own or {}
            suggest = partial(self._ask, module, expected=expected)
            try:
                trial = asked_of(suggest, settings, "DEFAULT")
            except Lacking:
                if own is None:  # the user's own beside it, which says no setting
                    return {}
                raise
            if not trial.pruned:
                refuse_unasked(settings, trial.asked, str(module.__file__), "DEFAULT")
            point |= settings
        return point

    def _expected(self, module: ModuleType) -> type:
        """What suggest(trial) of a module is to return."""
        roles = [role for role, beside in self.beside.items() if beside is module]
        return ROLE[roles[0]] if roles else TrialConfig

    def starts(self) -> list[Point]:
        """The points of GRID to start from: none of one that is not there, or lacks a parameter, or
        has so many that it says little."""
        if named_by(self.method, "GRID") is None or size_of(self.modules) > MOST_STARTS:
            return []
        try:
            return [point for point, pruned in self._grid() if not pruned]
        except Lacking:
            return []

    def check(self) -> TrialConfig:
        """Asks for one trial, outside any storage, so that a faulty module is found early; for
        others where that one is pruned."""
        return self._example()[1]

    def ranges(self) -> dict[str, BaseDistribution]:
        """The parameters that a trial asks for, and what they may be; one of several possible
        answers where it depends on what is suggested."""
        return self._example()[0].distributions

    def _example(self) -> tuple[optuna.Trial, TrialConfig]:
        """A trial of no storage, and its settings."""
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        for _ in range(TRIES):
            trial = study.ask()
            try:
                return trial, self.suggest(trial)
            except optuna.TrialPruned:
                continue
        raise UsageError(
            f"{self.path}: suggest(trial) raised TrialPruned {TRIES} times in a row: let it return "
            "settings for most of what it is given"
        )


def fingerprint(files: Sequence[str]) -> str:
    """16 hex digits of what the files of a space mean, and what they import. Comments, docstrings,
    layout and the folder do not count."""
    lines = [
        f"{at} {name} {digest(file)}"
        for at, path in enumerate(files)
        for name, file in sorted(reach(Path(path)).items())
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _of_a_storage(error: BaseException) -> bool:
    """Whether a storage raised it while it was asked: not the module's fault."""
    if isinstance(error, StorageInternalError | UpdateFinishedTrialError):
        return True
    if not isinstance(error, OSError) and not type(error).__module__.startswith("sqlalchemy."):
        return False
    frames = traceback.walk_tb(error.__traceback__)
    return any(str(f.f_globals.get("__name__")).startswith("optuna.storages.") for f, _ in frames)


def load(
    space: str | Path, init: str = "default", penalty: str = "none", average: str = "last"
) -> Space:
    """Finds a search space, by its name or its file.

    Args:
        space: a name (`vrtune list spaces`), or the path of a .py file.
        init: how weights start: the name of a module in the folder `inits` of search spaces.
        penalty: what draws them towards zero, likewise in `penalties`.
        average: which of them are judged, likewise in `averages`.

    Returns:
        The space: `suggest(trial)` asks it for a TrialConfig.

    Raises:
        UsageError: there is none of such a name, or it can't be imported.

    Example:
        >>> from vrtune.spaces import load
        >>> load("storm").check().estimator.kind
        'storm'
    """
    path = find(space)
    return Space(path.stem, path.resolve(), module_of(path), beside(init, penalty, average))
