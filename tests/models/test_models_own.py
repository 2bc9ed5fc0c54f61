"""Users' architectures: found by name, given what they ask for, and refused in a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from vrtune.errors import UsageError
from vrtune.models import build

NETS = """
import torch
from torch import nn
from layers import last

class Everything(nn.Module):
    def __init__(self, norm, outputs, shape, width=5):
        super().__init__()
        c, h, w = shape
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(c * h * w, width), last(width, outputs))
        self.given = norm, outputs, shape
    def forward(self, x):
        return self.layers(x)

class Nothing(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 4)
    def forward(self, x):
        return self.layer(x.flatten(1))

def function(classes, *, norm="none", **options):
    assert not options
    layers = [nn.Flatten(), nn.Linear(6, classes)]
    return nn.Sequential(*layers, *[nn.BatchNorm1d(classes)] * (norm == "batch"))

def lazy(classes):
    layers = nn.LazyConv2d(3, 2), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(classes)
    return nn.Sequential(*layers)

def lazy_unused(classes):
    module = lazy(classes)
    module.forward = lambda x: x
    return module

def lazy_unfit(classes):
    return nn.Sequential(nn.LazyConv2d(3, 9), nn.Flatten(), nn.LazyLinear(classes))

class Needs(nn.Module):
    def __init__(self, shape, width): ...

def positional(shape, /): ...
def unknown(shape, depth): ...
def fails(shape): raise KeyError("no such layer")
def no_module(shape): return [1, 2]
instance = nn.Linear(2, 2)
number = 3
"""

SHAPE = (1, 2, 3)


@pytest.fixture
def nets(tmp_path: Path) -> str:
    (tmp_path / "layers.py").write_text("from torch import nn\n\nlast = nn.Linear\n")
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    return str(path)


def test_a_class_is_given_what_it_names(nets: str) -> None:
    module = build(f"{nets}:Everything", SHAPE, 4, "layer")
    assert module.given == ("layer", 4, SHAPE)
    assert module(torch.zeros(7, *SHAPE)).shape == (7, 4)
    assert isinstance(build(f"{nets}:Nothing", SHAPE, 4, "none"), nn.Module)


def test_so_is_a_function(nets: str) -> None:
    assert len(build(f"{nets}:function", SHAPE, 4, "none")) == 2
    assert len(build(f"{nets}:function", SHAPE, 4, "batch")) == 3


def test_a_module_of_an_installed_package() -> None:
    with pytest.raises(UsageError, match=r"^model torch.nn:Linear needs 'in_features'"):
        build("torch.nn:Linear", SHAPE, 4, "none")
    assert isinstance(build("vrtune.models.softmax:Softmax", SHAPE, 4, "batch"), nn.Module)


def test_lazy_layers_are_made(nets: str) -> None:
    torch.manual_seed(3)
    module = build(f"{nets}:lazy", SHAPE, 4, "none")
    assert sum(p.numel() for p in module.parameters()) == 3 * 4 + 3 + 2 * 3 + 6 * 4 + 4
    assert module.training
    assert not module[1].num_batches_tracked
    torch.manual_seed(3)
    assert torch.equal(build(f"{nets}:lazy", SHAPE, 4, "none")[3].weight, module[3].weight)


def test_the_file_is_read_anew_when_it_has_changed(nets: str) -> None:
    build(f"{nets}:Nothing", SHAPE, 4, "none")
    Path(nets).write_text("from torch import nn\n\ndef Nothing():\n    return nn.Linear(2, 2)\n")
    assert isinstance(build(f"{nets}:Nothing", SHAPE, 4, "none"), nn.Linear)


@pytest.mark.parametrize(
    ("name", "norm", "said"),
    [
        ("Needs", "none", "needs 'width', which nobody gives it: give it a default"),
        ("positional", "none", "needs 'shape', which nobody gives it"),
        ("unknown", "none", "needs 'depth', which nobody gives it"),
        (
            "fails",
            "none",
            "can't be made with (shape=(1, 2, 3)): it raises KeyError: 'no such layer'",
        ),
        ("no_module", "none", "makes [1, 2]: return a torch.nn.Module"),
        ("instance", "none", "is a module: give a class, or a function that makes a module"),
        ("number", "none", "is 3: give a class, or a function"),
        ("Nothing", "batch", "takes no norm, and batch is asked for: leave --norm out"),
        ("lazy_unfit", "none", "on a batch of shape [2, 1, 2, 3], which its lazy layers need"),
        ("lazy_unused", "none", "never uses 0.weight, whose layer is lazy: take it out"),
    ],
)
def test_what_is_wrong_is_one_sentence(nets: str, name: str, norm: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        build(f"{nets}:{name}", SHAPE, 4, norm)
    assert str(caught.value).startswith(f"model {nets}:{name} ")


def test_a_name_that_is_not_there(nets: str) -> None:
    with pytest.raises(UsageError, match=r"there is no Missing in .*: it has .*Everything"):
        build(f"{nets}:Missing", SHAPE, 4, "none")
    with pytest.raises(UsageError, match=r"there is no model 'mlq': did you mean mlp\?"):
        build("mlq", SHAPE, 4, "none")
    with pytest.raises(UsageError, match=r"net\.py is a file: give net\.py:NAME"):
        build("net.py", SHAPE, 4, "none")
    with pytest.raises(UsageError, match=r"or give FILE.py:NAME"):
        build("something", SHAPE, 4, "none")
