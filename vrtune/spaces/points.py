"""Settings that a space's module names itself, its GRID and its DEFAULT: can it run them?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from vrtune.errors import UsageError, shown
from vrtune.spaces.choices import Refused, plain

Point = dict[str, Any]


class Lacking(Refused):
    """suggest asks for a parameter that the module's GRID or DEFAULT does not name."""


class PointTrial(optuna.trial.FixedTrial):
    """A trial that is given its settings by `what` (GRID, DEFAULT), and says which it is asked for.

    Unlike Optuna's it refuses what is out of range, which a storage would.
    """

    def __init__(self, point: Point, what: str) -> None:
        super().__init__(point)
        self.point, self.what = point, what
        self.asked: Point = {}
        self.pruned = False

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,
        *,
        step: float | None = None,
        log: bool = False,
    ) -> float:
        """As a trial's; Refused for a value that is none."""
        return float(self._value(name, FloatDistribution(low, high, log=log, step=step)))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """As a trial's; Refused for a value that is none."""
        return int(self._value(name, IntDistribution(low, high, log=log, step=step)))

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """As a trial's; Refused for a value that is none."""
        return self._value(name, CategoricalDistribution(choices))

    @property
    def params(self) -> Point:
        """Those that were asked for."""
        return self.asked

    def _value(self, name: str, given: BaseDistribution) -> Any:
        if name not in self.point:
            raise Lacking(
                f"suggest asks for {name}, which {self.what} does not name (it "
                f"names {', '.join(sorted(self.point)) or 'nothing'})"
            )
        value = self.point[name]
        if not holds(given, value):
            ranged = not isinstance(given, CategoricalDistribution)
            raise Refused(
                f"{self.what} has {name} = {shown(value)}, which is "
                f"{'out of the range' if ranged else 'none of the choices'} that suggest gives it"
            )
        self.asked[name] = given.to_external_repr(given.to_internal_repr(value))
        return self.asked[name]


def asked_of(suggest: Callable[[Any], Any], point: Point, what: str) -> PointTrial:
    """How `suggest` goes at a point of `what` (GRID, DEFAULT), which it may prune.

    UsageError if it raises, or a value lies outside its range; Lacking if one is missing.
    """
    trial = PointTrial(point, what)
    try:
        suggest(trial)
    except optuna.TrialPruned:
        trial.pruned = True
    return trial


def holds(given: BaseDistribution, value: Any) -> bool:
    """Whether a parameter may have a value: a number where numbers are asked for."""
    if isinstance(given, FloatDistribution | IntDistribution) and (
        isinstance(value, bool) or not isinstance(value, int | float)
    ):
        return False
    try:
        return bool(given._contains(given.to_internal_repr(value)))
    except (ValueError, OverflowError):
        return False


def refuse_unasked(named: Iterable[str], asked: Iterable[str], file: Path | str, what: str) -> None:
    """UsageError if `what` (GRID, DEFAULT) of a file names a parameter that no one asks for."""
    if unasked := set(named) - set(asked):
        raise UsageError(
            f"{file}: {what} names {', '.join(sorted(unasked))}, which suggest "
            f"never asks for (it asks for {', '.join(sorted(asked)) or 'nothing'})"
        )


def named_by(module: ModuleType, what: str) -> dict[str, Any] | None:
    """A module's GRID or DEFAULT, by parameters; None if there is none. UsageError if it is no
    dict."""
    own = getattr(module, what, None)
    if own is None:
        return None
    if not isinstance(own, Mapping) or not all(isinstance(name, str) for name in own):
        form = "dict of non-empty lists" if what == "GRID" else "dict, a value a parameter"
        raise UsageError(f"{module.__file__}: {what} must be a {form}, by the parameters' names")
    return dict(own)


def default_of(module: ModuleType) -> Point | None:
    """A module's DEFAULT, as a study keeps it; None if there is none."""
    own = named_by(module, "DEFAULT")
    return own and {name: _kept(module, f"DEFAULT's {name}", v) for name, v in own.items()}


def size_of(modules: Iterable[ModuleType]) -> int:
    """How many points the modules' GRIDs have. UsageError for what are no values."""
    return math.prod(len(values) for module in modules for _, values in _named(module))


def grid_of(modules: Iterable[ModuleType]) -> dict[str, list[Any]]:
    """The values of all modules' GRIDs, each once. UsageError for what are no values."""
    return {
        name: _once(module, name, values) for module in modules for name, values in _named(module)
    }


def points_of(grid: Mapping[str, list[Any]]) -> Iterator[Point]:
    """Every combination of a grid's values."""
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def _named(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """A module's GRID, each with values of a known number."""
    for name, values in (named_by(module, "GRID") or {}).items():
        word = isinstance(values, str | bytes | Mapping)
        count = _length(values)
        if word or not isinstance(values, Iterable) or count is None:
            raise UsageError(
                f"{module.__file__}: GRID must be a dict of non-empty lists, and {name} is "
                f"{shown(values)}"
            )
        if count == 0:
            raise UsageError(
                f"{module.__file__}: GRID must be a dict of non-empty lists, and {name} is empty"
            )
        yield name, values


def _length(values: Any) -> int | None:
    """How many it holds; None if it can't say, as an array of no dimension."""
    try:
        return len(values)
    except Exception:  # of its own __len__
        return None


def _once(module: ModuleType, name: str, values: Iterable[Any]) -> list[Any]:
    """Values as a study keeps them, each once; those of a set in the order of what they read."""
    kept = {repr(v): v for v in (_kept(module, f"GRID's {name}", value) for value in values)}
    return [kept[r] for r in sorted(kept)] if isinstance(values, Set) else list(kept.values())


def _kept(module: ModuleType, what: str, value: Any) -> Any:
    """A value as a study keeps it. UsageError for one that none can keep."""
    try:
        return plain(value)
    except Refused as error:
        raise UsageError(f"{module.__file__}: {what}: {error}") from None
