"""Running statistics know nothing of the gradients that are not a step's own."""

from __future__ import annotations

import pytest
from contracts.settings import configs

from vrtune.estimators import ESTIMATORS
from vrtune.testing import lanes


@pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_statistics_are_those_of_the_own_steps_alone(estimator: str, fused: bool) -> None:
    lanes.statistics_are_the_own_steps(configs(estimator, "sgd"), fused)
