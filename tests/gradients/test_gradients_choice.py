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

from vrtune.gradients.choice import CUDA, GROUPED, LINEAR, can_fuse, pays
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
    assert can_fuse(module, (1, 2, 2)) is can
    assert all(map(torch.equal, module.parameters(), before))


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("model", ["softmax", "lenet", "sixconv", "resnet18-small"])
def test_registered_models_can_be_fused(model: str, norm: str) -> None:
    assert can_fuse(build(model, (1, 16, 16), 10, norm), (1, 16, 16))


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
