"""Optuna's own tests of samplers: what every sampler must do, AutoSampler does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from vrtune import AutoSampler


class TestAutoSampler(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    """With and without a start, which lies outside of some of the ranges there."""

    @pytest.fixture(params=["plain", "started"])
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        if request.param == "plain":
            return lambda: AutoSampler(seed=1)
        return lambda: AutoSampler(default={"x": 1, "y": 1}, grid=[{"x": 2, "y": 2}], seed=1)
