"""Searched parameters as axes, values of trials as colours, powers of ten as ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from plotly.colors import sample_colorscale

from vrtune.comparing.tried import Tried
from vrtune.display.measures import Measure
from vrtune.figures.style import floor, plain, short

LOSSES = sample_colorscale("plasma", [0.36, 0.46, 0.55, 0.65, 0.75])  # seen on white and on black
DECADES = 2.0  # above the best loss that colours tell apart; what is worse has the last colour
MANY = 12  # choices that are all named on an axis
TICKS = 7  # on an axis, at most
LONGEST, SHORT = 16, 10  # characters of a name, and of a choice, in a figure


@dataclass(frozen=True)
class Parameter:
    """A parameter that was searched, as an axis: its values lie between two places."""

    name: str
    low: float
    high: float
    log: bool = False
    choices: tuple[str, ...] = ()  # of a categorical one; they lie at 0, 1, ...

    def ticks(self, most: int = TICKS) -> tuple[list[float], list[str]]:
        """Where to write what, ready for plotly; on a log axis the places are values, too."""
        if self.choices:
            places = range(0, len(self.choices), 1 + (len(self.choices) - 1) // MANY)
            return list(map(float, places)), [named(self.choices[i], SHORT) for i in places]
        return log_ticks(self.low, self.high, most) if self.log else ticks(self.low, self.high)

    def scaled(self, place: float) -> float:
        """A place as a share of the axis, 0 .. 1."""
        low, high = self.low, self.high
        if self.log:
            place, low, high = math.log(place), math.log(low), math.log(high)
        width = high / 2 - low / 2  # of halves, as ends may lie farther apart than a float holds
        return (place / 2 - low / 2) / width if width > 0 else 0.5


@dataclass(frozen=True)
class Place:
    """A value of a parameter and where it lies on the axis."""

    value: Any
    at: float | None  # None: it has no place there

    @property
    def cell(self) -> Any:
        """The value in a table; empty where there is none, which None as a choice is not."""
        return "None" if self.value is None and self.at is not None else self.value


def searched(trials: Iterable[Tried]) -> list[Parameter]:
    """The parameters that had a choice, as wide as all their ranges and values together."""
    found: dict[str, Parameter] = {}
    for trial in trials:
        for name, given in trial.ranges.items():
            own = _parameter(name, given, trial.params.get(name))
            known = found.get(name, own)
            if own and known and (own.choices, own.log) == (known.choices, known.log):
                low, high = min(known.low, own.low), max(known.high, own.high)
                found[name] = Parameter(name, low, high, own.log, own.choices)
    return list(found.values())


def place(trial: Tried, parameter: Parameter) -> Place:
    """Where a trial lies on the axis of a parameter."""
    value, given = trial.params.get(parameter.name), trial.ranges.get(parameter.name)
    if isinstance(given, CategoricalDistribution):
        return Place(value, _index(given, value) if parameter.choices else None)
    if not _is_number(value) or parameter.choices or (parameter.log and value <= 0):
        return Place(value, None)
    return Place(value, float(value))


@dataclass(frozen=True)
class Colours:
    """From the best value to the worst that is told apart; of positive losses by the logarithm."""

    best: float
    worst: float
    log: bool
    beyond: bool  # whether some values are worse
    metric: str = "loss"

    def at(self, value: float) -> float:
        """A value on the scale that plotly gets."""
        return math.log10(value) if self.log else value

    def share(self, value: float) -> float:
        """The same from 0, the best, to 1."""
        best, worst = self.at(self.best), self.at(self.worst)
        return (
            min(1.0, max(0.0, (self.at(value) - best) / (worst - best))) if worst != best else 0.0
        )

    def axis(self) -> dict[str, Any]:
        """A layout's colour axis."""
        low, high = sorted((self.best, self.worst))
        values, texts = log_ticks(low, high) if self.log else ticks(low, high)
        if self.beyond and values:
            sign = ">" if self.best <= self.worst else "<"
            values, texts = [*values, self.worst], [*texts, f"{sign} {number(self.worst)}"]
        title = {"text": short(self.metric, SHORT)}
        bar = {"thickness": 10, "outlinewidth": 0, "xpad": 4, "title": title}
        bar |= {"tickvals": [self.at(v) for v in values], "ticktext": texts}
        low, high = self.at(low), self.at(high)
        scale = LOSSES if self.best <= self.worst else LOSSES[::-1]
        return {"colorscale": scale, "cmin": low, "cmax": max(high, low + 1e-9), "colorbar": bar}


def colours(values: Sequence[float], measure: Measure) -> Colours:
    """The scale for finite values."""
    low, high = min(values), max(values)
    if measure.direction == "maximize":
        end = floor(values, measure)
        worst = low if end is None else end
        return Colours(high, worst, log=False, beyond=end is not None, metric=measure.metric)
    log = low > 0
    end = min(high, low * 10**DECADES) if log else high
    return Colours(low, end, log, beyond=high > end, metric=measure.metric)


def log_ticks(low: float, high: float, most: int = TICKS) -> tuple[list[float], list[str]]:
    """Powers of ten between two positive ends; of a short way 1, 2 and 5 of them as well."""
    first, last = math.floor(math.log10(low)), min(308, math.ceil(math.log10(high)))
    for steps in ((1, 2, 5), (1, 3), (1,)):
        values = [s * 10.0**p for p in range(first, last + 1) for s in steps]
        values = [v for v in values if low * 0.999 <= v <= high * 1.001]
        if len(values) <= most:
            break
    while len(values) > most:
        values = values[::2]
    if len(values) < 2:
        return ticks(low, high)
    return values, [number(v) for v in values]


def ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Four even numbers between two ends, or the one where they meet."""
    third = (high - low) / 3
    if not 0 < third < math.inf:
        return [low], [number(low)]
    step = 10.0 ** math.floor(math.log10(third))
    step *= next(s for s in (5, 2, 1) if s * step <= third or s == 1)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = [i * step for i in range(first, last + 1)]
    return values, [number(v) for v in values]


def number(value: float) -> str:
    """A number in few characters; powers of ten as such, for plotly."""
    power = math.log10(value) if value > 0 else 0.5
    if abs(power - round(power)) < 1e-9 and not -2 <= round(power) <= 4:
        return f"10<sup>{round(power)}</sup>"
    return f"{float(f'{value:.3g}'):.6g}"


def named(text: object, most: int = LONGEST) -> str:
    """A name from a study, short and letter by letter."""
    return plain(short(text, most))


def log_range(values: Iterable[float], room: float = 0.05) -> tuple[float, float]:
    """A range for a log axis, in powers of ten, that holds all values and some room around."""
    known = [math.log10(v) for v in values if math.isfinite(v) and v > 0]
    low, high = min(known), max(known)
    beside = room * (high - low) or 0.1
    return low - beside, high + beside


def end_value(trial: Tried) -> float | None:
    """What it came to; one that was stopped, the last that was finite."""
    if trial.state == "complete":
        return trial.value
    means = [sum(folds) / len(folds) for folds in [*trial.values.values()][::-1] if folds]
    return next((mean for mean in means if math.isfinite(mean)), None)


def _parameter(name: str, given: BaseDistribution, value: Any) -> Parameter | None:
    """None for one without a choice, or of unknown kind."""
    if given.single():
        return None
    if isinstance(given, CategoricalDistribution):
        return Parameter(
            name, 0.0, len(given.choices) - 1.0, choices=tuple(map(str, given.choices))
        )
    if not isinstance(given, FloatDistribution | IntDistribution):
        return None
    beyond = [float(value)] if _is_number(value) and not (given.log and value <= 0) else []
    low, high = min([float(given.low), *beyond]), max([float(given.high), *beyond])
    return Parameter(name, low, high, given.log)


def _index(given: CategoricalDistribution, value: Any) -> float | None:
    try:
        return float(given.to_internal_repr(value))
    except ValueError:  # none of the choices
        return None


def _is_number(value: Any) -> TypeGuard[float]:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and math.isfinite(value)
