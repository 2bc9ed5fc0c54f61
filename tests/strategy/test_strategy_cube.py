"""The unit cube: every setting has its point, every point is a setting, and numbers are short."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from vrtune.strategy.cube import NEAT, Cube

KINDS: dict[str, tuple[BaseDistribution, list[Any]]] = {
    "float": (FloatDistribution(-1.0, 3.0), [-1.0, 0.0, 0.5, 3.0]),
    "log": (FloatDistribution(1e-5, 1.0, log=True), [1e-5, 3e-4, 0.1, 1.0]),
    "step": (FloatDistribution(-1.0, 1.0, step=0.1), [-1.0, -0.3, 0.0, 0.7, 1.0]),
    "int": (IntDistribution(-3, 9), list(range(-3, 10))),
    "int step": (IntDistribution(0, 100, step=25), [0, 25, 50, 75, 100]),
    "int log": (IntDistribution(1, 64, log=True), list(range(1, 65))),
    "categorical": (CategoricalDistribution(["a", 1, None, True]), ["a", None]),
}

RANGES = [
    FloatDistribution(0.0, 1.0),
    FloatDistribution(-5.0, 5.0),
    FloatDistribution(1e-5, 1.0, log=True),
    FloatDistribution(1e-5, 1.0),
    FloatDistribution(0.1, 0.1 + 1e-12),
    FloatDistribution(1.0, 1.0 + 1e-9, log=True),
    FloatDistribution(1e6 + 0.1, 1e6 + 0.2),
    FloatDistribution(1e-300, 1e300, log=True),
    FloatDistribution(-1e-7, 2e-7),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_setting_comes_back_from_its_point(kind: str) -> None:
    distribution, values = KINDS[kind]
    cube = Cube({"x": distribution})
    for value in values:
        point = cube.point({"x": value})
        assert ((point >= 0) & (point <= 1)).all()
        back = cube.params(point)["x"]
        assert back == pytest.approx(value) if isinstance(value, float) else back == value
        assert cube.settle(point[None]) == pytest.approx(point[None], abs=NEAT)


@pytest.mark.parametrize("kind", ["step", "int", "int step", "int log", "categorical"])
def test_every_value_is_reached(kind: str) -> None:
    """And about as often as the others, on its scale."""
    distribution, values = KINDS[kind]
    cube = Cube({"x": distribution})
    drawn = [cube.params(np.array([u]))["x"] for u in np.linspace(0, 1, 4001)]
    counts = Counter(map(repr, drawn)) if kind == "categorical" else Counter(drawn)
    assert all(any(d == pytest.approx(v) for d in drawn) for v in values if v is not None)
    assert len(counts) == (21 if kind == "step" else 4 if kind == "categorical" else len(values))
    if kind != "int log":
        assert min(counts.values()) > 0.9 * 4001 / len(counts)
    else:
        assert counts[1] / counts[64] == pytest.approx(math.log(3) / math.log(64.5 / 63.5), rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_or_out_of_range_is_in_the_middle(kind: str) -> None:
    distribution, _ = KINDS[kind]
    cube = Cube({"x": distribution})
    for settings in ({}, {"x": 1e9}, {"x": "nonsense"}, {"y": 1}):
        assert cube.point(settings) == pytest.approx([0.5])
        assert not cube.holds(settings)
    assert cube.fitting({"x": 1e9, "y": 1}) == {}


def test_points_keep_the_order_of_parameters() -> None:
    cube = Cube({"b": FloatDistribution(0, 1), "a": IntDistribution(1, 2)})
    assert cube.point({"a": 2, "b": 0.25}) == pytest.approx([0.25, 0.75])
    assert cube.params(np.array([0.25, 0.75])) == {"b": 0.25, "a": 2}
    assert cube.holds({"a": 1, "b": 0.5, "c": 7})
    assert not cube.holds({"a": 1})


@pytest.mark.parametrize("distribution", RANGES, ids=str)
def test_numbers_are_short_near_and_in_bounds(distribution: FloatDistribution) -> None:
    cube = Cube({"x": distribution})
    low, high = distribution.low, distribution.high
    for u in [0.0, 1.0, *np.random.default_rng(0).random(200)]:
        value = cube.params(np.array([u]))["x"]
        assert type(value) is float
        assert low <= value <= high
        rounding = 4 * np.spacing(abs(high)) / (high - low)  # all that so narrow a range resolves
        if distribution.log:
            rounding = 4 * np.spacing(max(1.0, abs(math.log(high)))) / math.log(high / low)
        assert abs(cube.point({"x": value})[0] - u) <= NEAT + rounding
        if (low, high) in ((0.0, 1.0), (1e-5, 1.0)):
            assert len(f"{value:.9g}".lstrip("0.").split("e")[0].replace(".", "")) <= 3


def test_the_model_sees_categories_as_far_apart_as_the_ends_of_a_range() -> None:
    cube = Cube({"c": CategoricalDistribution(["a", "b", "c"]), "x": FloatDistribution(0, 1)})
    seen = cube.seen(np.array([cube.point({"c": c, "x": x}) for c in "abc" for x in (0.0, 1.0)]))
    distances = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    assert seen.shape == (6, 4)
    assert distances[0, 1] == pytest.approx(1)  # the other end
    assert distances[0, 2] == distances[0, 4] == distances[2, 4] == pytest.approx(1)
    assert list(cube.categorical) == [True, False]
