"""A module is called at other tensors, and has its own again, whatever it registers twice."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from vrtune import metainit
from vrtune.gradients.fused import Fused
from vrtune.gradients.layout import flatten
from vrtune.gradients.looped import Looped
from vrtune.inits.places import called, places_of
from vrtune.optim import initialise


class Twice(nn.Module):
    """One block three times over, as ALBERT has it, and a weight of two layers."""

    def __init__(self) -> None:
        super().__init__()
        block = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Tanh())
        self.blocks = nn.ModuleList([block] * 3)
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.last = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = x.flatten(1)
        for block in self.blocks:
            h = block(h)
        return self.last(self.second(self.first(h)))


def test_each_place_is_named_once() -> None:
    places = places_of(module := Twice())
    assert "blocks.0.0.weight" in places
    assert "blocks.1.0.weight" not in places
    assert places["second.weight"] == "first.weight"
    names = {name for name, _ in (*module.named_parameters(), *module.named_buffers())}
    assert set(places.values()) == names


def test_a_call_is_as_that_of_a_module_that_has_the_tensors() -> None:
    module, other = Twice().eval(), Twice().eval()
    own = dict(module.named_parameters())
    named = {name: t.detach() for name, t in (*other.named_parameters(), *other.named_buffers())}
    x = torch.randn(5, 4)
    assert torch.equal(called(module, places_of(module), named, x), other(x))
    assert all(p is own[name] for name, p in module.named_parameters())


@pytest.mark.parametrize("way", [Fused, Looped])
def test_lanes_of_what_is_registered_twice_keep_their_gradients(way: type[Looped]) -> None:
    oracle = way(module := Twice())
    W = flatten(module).repeat(2, 1)
    x, y = torch.randn(2, 5, 1, 2, 2), torch.tensor([[0, 1, 2, 0, 1]] * 2)

    def buffers() -> dict[str, Tensor]:
        return {name: torch.stack([b.detach()] * 2) for name, b in module.named_buffers()}

    before, losses = oracle.gradient(W, buffers(), x, y)
    leaves = [v.clone().requires_grad_() for v in oracle.layout.views(W).values()]
    found = oracle.losses(leaves, buffers(), x, y)
    torch.testing.assert_close(found.detach(), losses)
    assert all(g.any() for g in torch.autograd.grad(found.sum(), leaves[:1]))
    torch.testing.assert_close(oracle.gradient(W, buffers(), x, y)[0], before)
    oracle.logits(W, buffers(), x)


def test_metainit_takes_a_module_that_is_registered_twice() -> None:
    own = dict((module := Twice()).named_parameters())
    metainit(module, (4,), steps=2)
    assert all(p is own[name] for name, p in module.named_parameters())
    assert initialise(module, (4,), {"kind": "default"}).before > 0
