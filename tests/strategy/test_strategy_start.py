"""What AutoSampler and FoldsPruner are given, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vrtune import AutoSampler, FoldsPruner
from vrtune.errors import UsageError


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"default": 3}, "has 3 in default: give a dict"),
        ({"default": [1]}, r"has \[1\] in default: give a dict"),
        ({"default": {3: 1}}, "in default: give a dict"),
        ({"grid": [{"lr": 0.1}, 7]}, "has 7 in grid: give a dict"),
        ({"grid": {"lr": [0.1]}, "seed": "x"}, "has seed='x': give a whole number"),
        ({"seed": -1}, "has seed=-1"),
        ({"seed": 1.5}, "has seed=1.5"),
        ({"seed": True}, "has seed=True"),
    ],
)
def test_a_start_that_is_none_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        AutoSampler(**given)


def test_a_start_is_kept_as_it_was_given() -> None:
    default, grid = {"lr": 0.1}, [{"lr": 1.0}]
    sampler = AutoSampler(default=default, grid=grid, seed=np.int64(3))
    default["lr"] = grid[0]["lr"] = 0.2
    assert (sampler.default, sampler.grid) == ({"lr": 0.1}, [{"lr": 1.0}])
    assert AutoSampler().default == {}


@pytest.mark.parametrize("epochs", ["3", None, 0, -1, 1.5, True])
def test_epochs_of_a_pruner_are_a_whole_number(epochs: Any) -> None:
    with pytest.raises(UsageError, match="give a whole number above 0"):
        FoldsPruner(epochs)
    assert FoldsPruner(np.int64(3)).epochs == 3
