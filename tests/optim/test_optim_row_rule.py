"""A step rule of vrtune as an optimizer: PyTorch's steps, groups, state, weights judged."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from contracts.settings import OPTIMIZER_SETTINGS
from contracts.twins import TWINS
from optim import loops
from torch import Tensor
from torch.optim import lr_scheduler

import vrtune
from vrtune.chains import Chain
from vrtune.errors import UsageError
from vrtune.optim import RowRule
from vrtune.optimizers import StepRule
from vrtune.units import OptimizerSettings

RULES = [
    o
    for kind, some in OPTIMIZER_SETTINGS.items()
    if kind in TWINS and not some[0].algorithm.layers and not isinstance(some[0], Chain)
    for o in some[:3]
]


def trained(make: Callable[[Any], torch.optim.Optimizer], epochs: int = 3) -> Tensor:
    model = loops.net().double()
    optimizer = make(model.parameters())
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.9)
    data = [(x.double(), y) for x, y in loops.batches()]
    loops.train(model, optimizer, data, epochs, scheduler)
    return loops.weights(model)


@pytest.mark.parametrize("settings", RULES, ids=lambda o: o.kind)
def test_makes_the_steps_of_its_twin(settings: OptimizerSettings) -> None:
    ours = trained(lambda p: RowRule(p, settings))
    twin = trained(lambda p: TWINS[settings.kind](list(p), settings.model_dump()))
    torch.testing.assert_close(ours, twin, rtol=1e-9, atol=1e-11)


def test_groups_have_settings_of_their_own_that_schedulers_cycle() -> None:
    def groups(model: Any) -> list[dict[str, Any]]:
        by_dim = {d: [p for p in model.parameters() if p.dim() == d] for d in (1, 2)}
        return [
            {"params": by_dim[2], "momentum": 0.5, "lr": 0.2},
            {"params": by_dim[1], "weight_decay": 0.1},
        ]

    ends = []
    for make in (
        lambda g: RowRule(g, {"kind": "sgd", "lr": 0.1, "momentum": 0.9}),
        lambda g: torch.optim.SGD(g, lr=0.1, momentum=0.9),
    ):
        model = loops.net()
        optimizer = make(groups(model))
        cycle = lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=9)
        loops.train(model, optimizer, loops.batches(), 2, cycle)
        ends.append(loops.weights(model))
    torch.testing.assert_close(ends[0], ends[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_goes_on_from_its_state(dtype: torch.dtype) -> None:
    """Also in bfloat16, where the rule's own state has more bits than the weights."""
    model, data = loops.net().to(dtype), [(x.to(dtype), y) for x, y in loops.batches()]
    optimizer = RowRule(model.parameters(), vrtune.Adam(lr=0.01))
    loops.train(model, optimizer, data)
    saved = io.BytesIO()
    torch.save(optimizer.state_dict(), saved)
    twins = [(again := copy.deepcopy(model), RowRule(again.parameters(), vrtune.Adam(lr=0.5)))]
    twins[0][1].load_state_dict(torch.load(io.BytesIO(saved.getvalue()), weights_only=True))
    twins += [copy.deepcopy((model, optimizer)), pickle.loads(pickle.dumps((model, optimizer)))]
    loops.train(model, optimizer, data)
    for twin, of_twin in twins:
        loops.train(twin, of_twin, data)
        assert torch.equal(loops.weights(twin), loops.weights(model))
    with pytest.raises(UsageError, match="no state_dict of RowRule"):
        optimizer.load_state_dict(torch.optim.SGD(model.parameters()).state_dict())


def test_parameters_without_gradient_are_left_alone() -> None:
    model = loops.net()
    optimizer = RowRule(model.parameters(), vrtune.SGD(lr=0.1, weight_decay=0.5))
    model[4](torch.ones(2, 5)).sum().backward()
    first = model[0].weight.detach().clone()
    last = model[4].weight.detach().clone()
    optimizer.step()
    assert torch.equal(model[0].weight, first)
    assert not torch.equal(model[4].weight, last)
    assert float(optimizer.step(lambda: 3.0)) == 3.0


class Averaging(OptimizerSettings):
    """Models are judged by the mean of all weights so far."""

    kind: str = "averaging_for_optim"  # type: ignore[assignment]


class AveragingRule(StepRule):
    def __init__(self, weights: Tensor) -> None:
        self.state = {"sum": torch.zeros_like(weights), "count": weights.new_zeros(1, 1)}

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        weights.sub_(eta * d)
        self.state["sum"].add_(weights)
        self.state["count"].add_(1)

    def judged(self, weights: Tensor) -> Tensor:
        return self.state["sum"] / self.state["count"]


Averaging.algorithm = AveragingRule


def test_eval_shows_the_weights_that_the_rule_is_judged_by() -> None:
    model, seen = loops.net(), []
    optimizer = RowRule(model.parameters(), Averaging(lr=0.1))
    for batch in loops.batches():
        loops.train_on(model, optimizer, [batch])
        seen.append(loops.weights(model))
    optimizer.eval()
    optimizer.eval()
    torch.testing.assert_close(loops.weights(model), torch.stack(seen).mean(0))
    optimizer.train()
    assert torch.equal(loops.weights(model), seen[-1])
