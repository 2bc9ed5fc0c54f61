"""SAGA over foreign loops: batches have numbers, and tables grow with them."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import vrtune
from vrtune import SAG, SGD, TrialConfig
from vrtune.errors import UsageError
from vrtune.exporting.method import optimizer_call
from vrtune.optim import SAGA, VarianceReduced

X = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
Y = X.sum(1, keepdim=True) + torch.arange(10.0).unsqueeze(1)
PARTS = torch.arange(10).split(4)  # the last is short


def epoch(optimizer: VarianceReduced, model: nn.Module) -> None:
    for j in (2, 0, 1):
        part = PARTS[j]

        def closure(part: torch.Tensor = part) -> torch.Tensor:
            loss = F.mse_loss(model(X[part]), Y[part])
            loss.backward()
            return loss

        optimizer.step(closure, subset=j, samples=len(part))


def test_saga_reaches_the_minimum_with_a_constant_step() -> None:
    model = nn.Linear(3, 1)
    optimizer = SAGA(model.parameters(), lr=0.05)
    for _ in range(300):
        epoch(optimizer, model)
    ones = torch.cat([X, torch.ones(10, 1)], 1)
    minimum = torch.linalg.lstsq(ones, Y).solution[:, 0]
    torch.testing.assert_close(model.weight[0], minimum[:3], rtol=1e-3, atol=1e-3)
    assert optimizer.gradient_computations == 900


def test_the_table_is_saved_and_goes_on() -> None:
    model = nn.Linear(3, 1)
    optimizer = SAGA(model.parameters(), lr=0.05, momentum=0.5)
    for _ in range(2):
        epoch(optimizer, model)
    saved, twin = copy.deepcopy(optimizer.state_dict()), copy.deepcopy(model)
    other = SAGA(twin.parameters(), lr=0.05, momentum=0.5)
    other.load_state_dict(saved)
    for some, on in ((optimizer, model), (other, twin)):
        epoch(some, on)
    assert torch.equal(model.weight, twin.weight)


def test_what_can_not_be_is_told() -> None:
    model = nn.Linear(3, 1)
    with pytest.raises(UsageError, match=r"saga keeps the gradient of every batch: .*subset=j"):
        SAGA(model.parameters(), lr=0.1).step(lambda: model(X).sum().backward())
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(UsageError, match='set table="partition"'):
        VarianceReduced(sgd, SAG(table="naive"))
    config = TrialConfig(estimator=vrtune.SAGA(table="svd"), optimizer=SGD(lr=0.1))
    with pytest.raises(UsageError, match='export a trial with table="partition"'):
        optimizer_call(config, {}, {})
