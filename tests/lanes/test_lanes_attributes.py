"""What a unit of one's own keeps beside its state is found, as no checkpoint holds it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from vrtune.estimators.plain import PlainEstimator
from vrtune.lanes.attributes import attributes, check_unchanged


class Own(PlainEstimator):
    def __init__(self) -> None:
        super().__init__(torch.zeros(2, 3))
        self.count, self.last, self.mean = 0, None, torch.zeros(2)


@pytest.mark.parametrize("name", ["count", "last", "mean"])
def test_a_changed_attribute_is_named(name: str) -> None:
    unit: Any = Own()
    before = attributes([unit])
    unit.state["sum"] = torch.ones(2, 3)
    check_unchanged([unit], before)
    if name == "mean":
        unit.mean += 1
    else:
        setattr(unit, name, torch.ones(2))
    with pytest.raises(ValueError, match=f"Own changes self.{name}, where self.state alone"):
        check_unchanged([unit], before)


def test_those_of_vrtune_are_trusted() -> None:
    unit: Any = PlainEstimator(torch.zeros(2, 3))
    before = attributes([unit])
    unit.cache = 1
    check_unchanged([unit], before)
