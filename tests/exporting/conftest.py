"""An export that leaves nothing out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vrtune.exporting.record import Architecture, Confirmation, Data, ExportedTrial, Search
from vrtune.studies.counts import Counts


@pytest.fixture(scope="session")
def whole() -> Callable[[ExportedTrial], ExportedTrial]:
    """Adds to an export all that may be said of a trial."""
    return _whole


def _whole(before: ExportedTrial) -> ExportedTrial:
    """With all that may be said of a trial, gaps among it."""
    found = Search(
        sampler="auto",
        pruner="folds",
        start="on",
        default={"lr": 1e-5, "b": None, "a\n'b'": "x"},
        ranges={
            "b": {"name": "CategoricalDistribution", "attributes": {"choices": [None, "c\nd"]}},
            "a\n'b'": {
                "name": "FloatDistribution",
                "attributes": {"low": 1e-7, "high": 1e10, "log": True},
            },
        },
        searches=2,
        trials=Counts(complete=3, pruned=1),
        gradient_computations=1234.0,
        confirmed=2,
        confirm_gradient_computations=5678.0,
    )
    again = Confirmation(
        repeats=2,
        failed=1,
        trainings=6,
        mean=None,
        losses=[[0.1, None], [0.2, 1e-7]],
        accuracies=[[0.9, None], [0.8, 1.0]],
        gradient_computations=2839.0,
    )
    return before.model_copy(
        update={
            "results": before.results.model_copy(update={"confirmation": again}),
            "search": found,
            "data": Data(name="a", fingerprint="0" * 16, data_dir="/a\nb", find="somewhere"),
            "architecture": Architecture(model="softmax", norm="none", inputs="as they are"),
        }
    )
