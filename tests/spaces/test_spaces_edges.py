"""Settings at an end of their range are told, and no others."""

from __future__ import annotations

import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from vrtune.spaces import edge_notes

LOG = FloatDistribution(1e-3, 10.0, log=True)  # 2 % of its four decades are a factor of 1.2
LINEAR = FloatDistribution(0.5, 0.95)  # 2 % of it are 0.009
SHARE = FloatDistribution(0.0, 1.0)
FROM_ZERO = FloatDistribution(0.0, 0.9)
STEPS = IntDistribution(50, 1000, log=True)
LAYERS = IntDistribution(0, 3)


@pytest.mark.parametrize(
    ("value", "given", "end"),
    [
        (9.9, LOG, "upper"),
        (8.4, LOG, "upper"),
        (8.2, LOG, None),
        (0.0012, LOG, "lower"),
        (0.00121, LOG, None),
        (10.0, LOG, "upper"),
        (0.1, LOG, None),
        (0.942, LINEAR, "upper"),
        (0.94, LINEAR, None),
        (0.508, LINEAR, "lower"),
        (0.51, LINEAR, None),
        (0.0, SHARE, None),
        (1.0, SHARE, None),
        (0.0, FROM_ZERO, None),
        (0.89, FROM_ZERO, "upper"),
        (50, STEPS, "lower"),
        (51, STEPS, None),
        (999, STEPS, None),
        (1000, STEPS, "upper"),
        (0, LAYERS, None),
        (3, LAYERS, "upper"),
        (0.1, FloatDistribution(0.1, 0.1), None),
        (0.1, CategoricalDistribution([0.1, 0.2]), None),
    ],
)
def test_an_end_is_told(value: float, given: BaseDistribution, end: str | None) -> None:
    notes = edge_notes({"x": value}, {"x": given})
    assert [f" {end} end " in note for note in notes] == [True] * (end is not None)


def test_every_one_is_a_sentence_of_its_own() -> None:
    notes = edge_notes(
        {"k": 9.87654, "kind": "a", "steps": 50, "w": 1.0, "unknown": 1.0},
        {"k": LOG, "kind": CategoricalDistribution(["a"]), "steps": STEPS, "w": LOG},
    )
    assert notes == [
        "k = 9.88 lies at the upper end of its range 0.001 .. 10: widen it in the search space",
        "steps = 50 lies at the lower end of its range 50 .. 1000: widen it in the search space",
    ]
