"""Which oracle a module gets, which way pays, and what can be fused; what only a CPU needs is not
even imported for another device."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from vrtune.gradients.choice import (
    CUDA,
    GROUPED,
    LINEAR,
    is_tested,
    make_oracle,
    pays,
    stands,
    why_not_fused,
)
from vrtune.gradients.prepared import Habits, prepared
from vrtune.models import build

PROGRAM = """
import sys
import torch
from vrtune.gradients.choice import make_oracle
from vrtune.models import build

def cpu_only():
    return {name for name in sys.modules if name.startswith("vrtune.gradients.cpu")
            or name.partition(".")[0] in ("numba", "llvmlite")}

def made(fused):
    module = build("lenet", (1, 16, 16), 10, "none")
    return type(make_oracle(module, fused=fused, precision="float32", threads=1)).__name__

with torch.device("meta"):
    assert [made(True), made(False)] == ["Fused", "Looped"]
assert not cpu_only(), cpu_only()
assert [made(True), made(False)] == ["SideBySide", "Looped"]
assert {"numba", "vrtune.gradients.cpu.samples_last"} <= cpu_only()
"""


def test_what_only_a_cpu_needs_is_imported_on_a_cpu_alone() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Odd(nn.Module):
    """A layer, and what is done to its outputs."""

    def __init__(self, do: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.do = nn.Linear(4, 3), do

    def forward(self, x: Tensor) -> Tensor:
        return self.do(self.layer(x.flatten(1)))


@pytest.mark.parametrize(
    ("do", "can"),
    [
        (torch.tanh, True),
        (lambda y: y if y.sum() > 0 else 2 * y, False),
        (lambda y: y * y.detach().sum().item(), False),
        (torch.nn.functional.dropout, False),
    ],
    ids=["tanh", "branch", "item", "random"],
)
def test_what_vmap_understands_can_be_fused(do: Callable[[Tensor], Tensor], can: bool) -> None:
    module = Odd(do)
    before = [p.detach().clone() for p in module.parameters()]
    assert (not why_not_fused(module, (1, 2, 2))) is can
    assert all(map(torch.equal, module.parameters(), before))


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("model", ["softmax", "lenet", "sixconv", "resnet18-small"])
def test_registered_models_can_be_fused(model: str, norm: str) -> None:
    assert not why_not_fused(build(model, (1, 16, 16), 10, norm), (1, 16, 16))


def test_the_more_a_call_computes_the_less_it_pays_to_save_calls() -> None:
    linear, narrow = (
        build("softmax", (1, 16, 16), 10, "none"),
        build("lenet", (1, 16, 16), 10, "none"),
    )
    wide = build("sixconv", (1, 16, 16), 10, "none")
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    at = [LINEAR, GROUPED, CUDA, math.inf]
    assert [pays(linear, cpu, products) for products in at] == [True, False, False, False]
    assert [pays(wide, cpu, products) for products in at] == [True, True, False, False]
    assert [pays(narrow, cpu, products) for products in at] == [True] * 4
    assert [pays(wide, cuda, products) for products in at] == [True, True, True, False]


# ---- users' own modules: what no test holds to every way is tried ------------------------------


class Narrow(nn.Module):
    """Suits side by side by its layers; what its forward does decides."""

    def __init__(self, do: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.AvgPool2d(2)
        )
        self.last, self.do = nn.Linear(36, 3), do

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.do(self.layers(x)).flatten(1))
        return out


SHAPE = (1, 6, 6)


def way_of(module: nn.Module) -> str:
    oracle = make_oracle(module, fused=True, precision="float32", threads=1, shape=SHAPE)
    return type(oracle).__name__


@pytest.mark.parametrize(
    ("do", "way"),
    [
        (torch.tanh, "SideBySide"),
        (lambda h: h.softmax(1), "Fused"),  # over the channels of all lanes
        (lambda h: h - h.mean((1, 2, 3), keepdim=True), "Fused"),
        (lambda h: h.view(-1, 36), "Fused"),  # its rows would be lanes of the first sample
        (lambda h: h[:, [1, 0, 3, 2]], "Fused"),
        (lambda h: h * torch.linspace(0, 1, 4).view(4, 1, 1), "Fused"),
    ],
    ids=["alike", "softmax", "centred", "shape", "order", "factors"],
)
def test_lanes_stand_side_by_side_only_if_that_is_the_same(
    do: Callable[[Tensor], Tensor], way: str
) -> None:
    module = Narrow(do)
    assert way_of(module) == way
    assert stands(module, SHAPE) is (way == "SideBySide")
    assert not why_not_fused(module, SHAPE)


def test_what_comes_out_otherwise_fused_is_looped() -> None:
    """vmap takes a dimension away: an operation that looks at strides or at memory may differ."""

    class Telling(Odd):
        def forward(self, x: Tensor) -> Tensor:
            y = super().forward(x)
            return y * (2 if torch._C._functorch.is_batchedtensor(y) else 1)

    assert why_not_fused(Telling(torch.tanh), (1, 2, 2)).startswith("its gradients come out")
    assert why_not_fused(Odd(torch.tanh), (1, 2, 2)) == ""


def test_pooling_is_replaced_only_if_that_is_the_same() -> None:
    class Pooling(Narrow):
        def forward(self, x: Tensor) -> Tensor:
            h = self.layers[:2](x)
            h = nn.functional.avg_pool2d(h, self.layers[2].kernel_size)
            return self.last(h.flatten(1))

    for module, replaced in ((Narrow(torch.tanh), True), (Pooling(torch.tanh), False)):
        oracle = make_oracle(module, fused=False, precision="float32", threads=1, shape=SHAPE)
        assert (oracle.module is not module) is replaced


def test_a_model_of_vrtune_is_not_tried() -> None:
    assert is_tested(build("mlp", SHAPE, 3, "none"))
    assert not is_tested(Narrow(torch.tanh))


def test_trying_changes_nothing_in_a_module() -> None:
    module = prepared(nn.Sequential(Narrow(torch.tanh), nn.Dropout(0.2)))
    before = {name: t.clone() for name, t in module.state_dict().items()}
    why_not_fused(module, SHAPE)
    stands(module, SHAPE)
    assert all(torch.equal(t, before[name]) for name, t in module.state_dict().items())
    assert all(p.grad is None for p in module.parameters())


def test_a_module_that_draws_is_not_fused() -> None:
    module = prepared(Odd(torch.tanh), Habits(draws=True))
    assert why_not_fused(module, (1, 2, 2)).startswith("it draws random numbers outside")
