"""saga_memory.py: the paper's Table 1, from shapes."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from vrtune.models import build

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("saga_memory")


def test_parameters_are_those_of_the_nets(table: ModuleType) -> None:
    lenet = build("lenet", (1, 28, 28), 10, "none")
    assert table.lenet().numbers(128)["naive"] == sum(p.numel() for p in lenet.parameters())
    assert table.vgg16().numbers(128)["naive"] == 138_357_544  # torchvision's
    assert table.resnet34(plain=False).numbers(128)["naive"] == 21_797_672


def test_the_papers_figures(table: ModuleType) -> None:
    """By as much as its digits leave open, cut off as they are; but for the one that is no
    ResNet-34's."""
    nets = {
        "LeNet-5": table.lenet(),
        "VGG16": table.vgg16(),
        "ResNet-34": table.resnet34(plain=True),
    }
    for name, net in nets.items():
        for (column, numbers), printed in zip(
            net.numbers(128).items(), table.PAPER[name], strict=True
        ):
            if (name, column) == ("ResNet-34", "naive"):
                continue
            ours = numbers * 4e6 / 1e9
            assert ours == pytest.approx(printed, rel=0.006, abs=0.005), (name, column)
