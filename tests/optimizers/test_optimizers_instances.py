"""What an instance keeps as Python attributes goes with a checkpoint, or none is taken."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
import torch

from vrtune import Library
from vrtune.optimizers.instances import Instance


class Listed(torch.optim.Optimizer):
    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, {"lr": lr})
        self.seen: list[float] = []
        self.count: dict[str, int] = {"steps": 0}
        self.dtype, self.on = torch.float32, 1.0
        self.odd: Any = None

    def step(self, closure: Any = None) -> Any:
        self.seen.append(1.0)
        self.count["steps"] += 1
        self.on = None if self.on else 1.0  # type: ignore[assignment]


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setattr(torch.optim, "Listed", Listed, raising=False)
    return Instance(Library("torch.optim.Listed", lr=0.1), torch.zeros(3), [(3,)])


def test_lists_and_dictionaries_are_kept(instance: Instance) -> None:
    row = torch.zeros(3)
    instance.step(row, torch.ones(3), 0.1)
    memory = instance.memory()
    fresh = Instance(instance.settings, row, [(3,)])
    fresh.remember(row, memory)
    own: Any = fresh.optimizer
    assert (own.seen, own.count, own.on) == ([1.0], {"steps": 1}, None)


def test_what_is_something_else_is_refused(instance: Instance) -> None:
    own: Any = instance.optimizer
    own.odd = deque()
    with pytest.raises(ValueError, match="its optimizer keeps a deque, which is no number"):
        instance.memory()
