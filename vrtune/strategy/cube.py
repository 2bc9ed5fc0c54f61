"""The unit cube of a search space: where points are drawn, and what the model sees of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

Array = NDArray[np.float64]
NEAT = 2e-3  # of a range: as far as a number may be rounded, so that it is short


class Cube:
    """A parameter is a number in 0 .. 1 where points are drawn: numbers by their (log) scale,
    categories by equal shares. The model sees numbers so, and a column for each category."""

    def __init__(self, space: Mapping[str, BaseDistribution]) -> None:
        self.space = dict(space)
        self.categorical = np.array(
            [isinstance(d, CategoricalDistribution) for d in self.space.values()], dtype=bool
        )

    def __len__(self) -> int:
        return len(self.space)

    def point(self, params: Mapping[str, Any]) -> Array:
        """Settings as a point; a parameter that they lack, or have out of range, at its middle."""
        return np.array([_inverse(d, params.get(name)) for name, d in self.space.items()])

    def params(self, point: Array) -> dict[str, Any]:
        """The settings at a point, numbers as short as NEAT allows."""
        return {n: _value(d, float(u)) for (n, d), u in zip(self.space.items(), point, strict=True)}

    def settle(self, points: Array) -> Array:
        """The points that settings can have: whole numbers, steps, middles of categories."""
        return np.array([self.point(self.params(point)) for point in points]).reshape(-1, len(self))

    def holds(self, params: Mapping[str, Any]) -> bool:
        """Whether settings give every parameter a value in its range."""
        return all(name in params and _contains(d, params[name]) for name, d in self.space.items())

    def fitting(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Of settings, those that a parameter can have."""
        return {
            n: params[n] for n, d in self.space.items() if n in params and _contains(d, params[n])
        }

    def seen(self, points: Array) -> Array:
        """Points as the model sees them: two categories are as far apart as a range's ends."""
        columns = []
        for at, d in enumerate(self.space.values()):
            if isinstance(d, CategoricalDistribution):
                index = np.minimum((points[:, at] * len(d.choices)).astype(int), len(d.choices) - 1)
                columns.append(np.eye(len(d.choices))[index] / math.sqrt(2))
            else:
                columns.append(points[:, at : at + 1])
        return np.hstack(columns)


def _contains(d: BaseDistribution, value: Any) -> bool:
    try:
        return bool(d._contains(d.to_internal_repr(value)))
    except ValueError:  # a category that there is not, or no number
        return False


def _steps(d: BaseDistribution) -> int | None:
    """How many values there are; None for numbers on a continuous or a log scale."""
    if isinstance(d, CategoricalDistribution):
        return len(d.choices)
    assert isinstance(d, FloatDistribution | IntDistribution)
    if d.log or d.step is None:
        return None
    return round((d.high - d.low) / d.step) + 1


def _ends(d: FloatDistribution | IntDistribution) -> tuple[float, float]:
    """The ends of a range on its scale; whole numbers on a log scale own half a number each way."""
    half = 0.5 if isinstance(d, IntDistribution) else 0.0
    return math.log(d.low - half), math.log(d.high + half)


def _inverse(d: BaseDistribution, value: Any) -> float:
    if value is None or not _contains(d, value):
        return 0.5
    count = _steps(d)
    if isinstance(d, CategoricalDistribution):
        return (d.to_internal_repr(value) + 0.5) / len(d.choices)
    assert isinstance(d, FloatDistribution | IntDistribution)
    if count is not None:
        assert d.step is not None
        return (round((value - d.low) / d.step) + 0.5) / count
    low, high = _ends(d) if d.log else (d.low, d.high)
    at = (math.log(value) if d.log else value) - low
    return min(1.0, max(0.0, at / (high - low))) if high > low else 0.5


def _value(d: BaseDistribution, u: float) -> Any:
    count = _steps(d)
    index = min(int(u * count), count - 1) if count is not None else 0
    if isinstance(d, CategoricalDistribution):
        return d.choices[index]
    if isinstance(d, IntDistribution):
        if not d.log:
            return d.low + index * d.step
        low, high = _ends(d)
        return min(d.high, max(d.low, round(math.exp(low + u * (high - low)))))
    assert isinstance(d, FloatDistribution)
    if d.step is not None:
        return min(d.high, d.low + index * d.step)
    low, high = _ends(d) if d.log else (d.low, d.high)
    exact = low + u * (high - low)
    return _neat(d, min(d.high, max(d.low, math.exp(exact) if d.log else exact)))


def _neat(d: FloatDistribution, value: float) -> float:
    """The shortest number that is as good."""
    at = _inverse(d, value)
    for digits in range(1, 17):
        short = float(f"{value:.{digits}g}")
        if d.low <= short <= d.high and abs(_inverse(d, short) - at) <= NEAT:
            return short
    return value
