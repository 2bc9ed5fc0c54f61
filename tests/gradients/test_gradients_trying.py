"""A user's module is tried on a few samples: what lanes can't do is told in a sentence."""

from __future__ import annotations

import random
import re
import threading
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vrtune.errors import UsageError
from vrtune.gradients.prepared import Habits
from vrtune.gradients.trying import habits_of

SHAPE, OUTPUTS = (1, 2, 3), 4


class Net(nn.Module):
    """Does something to inputs, hidden features and outputs."""

    def __init__(self, do: Callable[[Net, Tensor], object] = lambda net, y: y) -> None:
        super().__init__()
        self.hidden, self.last = nn.Linear(6, 5), nn.Linear(5, OUTPUTS)
        self.register_buffer("count", torch.zeros(()))
        self.calls, self.do = 0, do

    def forward(self, x: Tensor) -> object:
        self.calls += 1
        return self.do(self, self.last(torch.relu(self.hidden(x.flatten(1)))))


def tried(make: Callable[[], nn.Module], samples: int = 8) -> Habits:
    return habits_of(make, "net.py:Net", SHAPE, OUTPUTS, samples)


def counted(net: Net, y: Tensor) -> Tensor:
    net.count.add_(1)
    return y - net.count


def test_an_ordinary_module_has_no_habits() -> None:
    assert tried(Net) == Habits()
    assert tried(lambda: Net(counted)) == Habits()
    assert tried(lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Dropout(0.5))) == Habits()
    assert tried(lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.BatchNorm1d(4)), 1)


def test_random_numbers_outside_of_dropout_layers_are_noticed() -> None:
    assert tried(lambda: Net(lambda net, y: F.dropout(y, 0.5, net.training))).draws

    def seldom(net: Net, y: Tensor) -> Tensor:
        """Stochastic depth, which seldom shows."""
        return y * 0 if net.training and float(torch.rand(())) < 1e-6 else y

    assert tried(lambda: Net(seldom)).draws
    assert tried(lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.RReLU())).draws


def test_so_is_what_is_computed_again() -> None:
    def saving(net: Net, y: Tensor) -> Tensor:
        again: Tensor = checkpoint(net.extra, y, use_reentrant=False)
        return again

    class Saving(Net):
        def __init__(self) -> None:
            super().__init__(saving)
            self.extra = nn.Linear(4, 4)

    assert tried(Saving) == Habits(recomputes=True)


def replaced(net: Net, y: Tensor) -> Tensor:
    net.count = net.count + 1
    return y


def registered(net: Net, y: Tensor) -> Tensor:
    net.register_buffer("late", torch.zeros(2))
    return y


def clamped(net: Net, y: Tensor) -> Tensor:
    net.last.weight.data = net.last.weight.data.clamp(-1, 1)
    return y


def counting(net: Net, y: Tensor) -> Tensor:
    return y * net.calls if net.training else y


REFUSED: list[tuple[Callable[[Net, Tensor], object], str]] = [
    (lambda net, y: (y, y), "gives a tuple: return the outputs alone, a tensor of shape [3, 4]"),
    (lambda net, y: {"logits": y}, "gives a dict: return the outputs alone"),
    (lambda net, y: None, "gives a NoneType"),
    (
        lambda net, y: y[:, :3],
        "outputs of shape [3, 3] for a batch of shape [3, 1, 2, 3], and [3, 4] is needed: let it "
        "take classes, by this name",
    ),
    (
        lambda net, y: y[:, 0],
        "of shape [3] for a batch of shape [3, 1, 2, 3], and [3, 4] is",
    ),
    (lambda net, y: y.squeeze(), "of shape [4] for a batch of shape [1, 1, 2, 3]"),
    (lambda net, y: y.double(), "outputs in float64: return float32"),
    (lambda net, y: y + torch.randn(4), "gives other outputs each time in eval mode"),
    (lambda net, y: y.view(5, 5), "when it is given a batch of shape [3, 1, 2, 3] in eval mode"),
    (lambda net, y: y / 0 if not net.training else y.view(5), "in train mode: mend it"),
    (replaced, "replaces its buffer count in forward"),
    (registered, "replaces its buffer late in forward"),
    (clamped, "changes its weights last.weight in forward"),
    (counting, "gives other outputs each time, whatever torch.manual_seed is given"),
    (lambda net, y: y * random.random() if net.training else y, "draw from PyTorch's random"),
    (lambda net, y: y * np.random.rand() if net.training else y, "draw from PyTorch's random"),
    (lambda net, y: y.detach(), "has no gradient: none of its parameters changes its outputs"),
    (lambda net, y: y.relu_().exp() * (y.add_(1) > 0), "when it computes its gradient: mend it"),
]


@pytest.mark.parametrize(("do", "said"), REFUSED)
def test_what_lanes_can_not_do_is_refused(do: Callable[[Net, Tensor], object], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        tried(lambda: Net(do))
    assert str(caught.value).startswith("model net.py:Net ")


class Locked(Net):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


def unlike() -> nn.Module:
    net = Net()
    net.last.bias.data = torch.tensor(np.random.default_rng().normal(size=4), dtype=torch.float32)
    return net


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is on its way out
        module: nn.Module = torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(6, 4)))
    return module


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nn.Flatten, "has no parameters: register its layers as attributes"),
        (lambda: Net().double(), "has hidden.weight in float64: make its parameters float32"),
        (lambda: Net().to("meta"), "puts hidden.weight on meta: leave it on the CPU"),
        (lambda: Net().requires_grad_(False), "has no parameter to train"),
        (scripted, "is compiled by torch.jit, which hides its layers"),
        (unlike, "starts last.bias from other weights each time, whatever torch.manual_seed"),
        (Locked, "raises TypeError: cannot pickle '_thread.lock' object when it is copied"),
    ],
)
def test_modules_that_will_not_do_are_refused(make: Callable[[], nn.Module], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        tried(make)


def test_trying_leaves_the_callers_random_numbers_alone() -> None:
    before = torch.random.get_rng_state()
    tried(Net)
    assert torch.equal(torch.random.get_rng_state(), before)
