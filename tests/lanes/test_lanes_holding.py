"""A module that holds other tensors computes what functional_call does, and is as it was after."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from vrtune.lanes.holding import Holder


class Tied(nn.Module):
    """Two layers that share a weight, and a batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3, bias=False), nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.second(self.first(x)))


def test_all_places_of_a_tensor_are_taken_and_given_back() -> None:
    torch.manual_seed(0)
    module, x = Tied(), torch.randn(5, 3)
    was = {name: value.clone() for name, value in module.state_dict().items()}
    named = dict(module.named_parameters()) | dict(module.named_buffers())
    assert "second.weight" not in named  # it has one name
    other = {
        name: torch.rand_like(t) if t.is_floating_point() else t.clone()
        for name, t in named.items()
    }
    twin = {name: tensor.clone() for name, tensor in other.items()}
    with Holder(module).holding(other) as held:
        found = held(x)
    assert torch.equal(found, functional_call(module, twin, (x,)))
    assert torch.equal(other["norm.running_mean"], twin["norm.running_mean"])
    assert isinstance(module.first.weight, nn.Parameter)
    assert all(torch.equal(value, was[name]) for name, value in module.state_dict().items())


def test_an_error_gives_them_back_too() -> None:
    module = nn.Linear(2, 2)
    was = module.weight
    with pytest.raises(ZeroDivisionError), Holder(module).holding({"weight": torch.ones(2, 2)}):
        raise ZeroDivisionError
    assert module.weight is was
