"""Settings as points of the unit cube, in which logarithms are straight."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

Params = Mapping[str, Any]
Numeric = FloatDistribution | IntDistribution


class Cube:
    """The numeric parameters of a space, each from 0 to 1; categorical ones stand beside."""

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self.distributions = dict(distributions)
        self.numeric: dict[str, Numeric] = {
            name: d for name, d in distributions.items() if isinstance(d, Numeric)
        }
        self.categorical: dict[str, CategoricalDistribution] = {
            name: d for name, d in distributions.items() if isinstance(d, CategoricalDistribution)
        }

    def point(self, params: Params) -> np.ndarray:
        """[numeric]: where a setting lies."""
        return np.array([_share(d, params[name]) for name, d in self.numeric.items()])

    def choices(self, params: Params) -> tuple[Any, ...]:
        """What a setting has of the categorical parameters."""
        return tuple(params[name] for name in self.categorical)

    def params(self, point: Iterable[float], choices: Iterable[Any]) -> dict[str, Any]:
        """The setting at a point; what lies outside the cube is moved to its edge."""
        found = {n: _value(d, u) for (n, d), u in zip(self.numeric.items(), point, strict=True)}
        found |= zip(self.categorical, choices, strict=True)
        return {name: found[name] for name in self.distributions}


def _ends(d: Numeric) -> tuple[float, float]:
    return (math.log(d.low), math.log(d.high)) if d.log else (d.low, d.high)


def _share(d: Numeric, value: float) -> float:
    low, high = _ends(d)
    return ((math.log(value) if d.log else value) - low) / (high - low)


def _value(d: Numeric, share: float) -> float | int:
    if not 0 < share < 1:
        return d.low if share <= 0 else d.high
    low, high = _ends(d)
    value = low + float(share) * (high - low)
    value = math.exp(value) if d.log else value
    whole = round(value) if isinstance(d, IntDistribution) else float(value)
    return min(d.high, max(d.low, whole))
