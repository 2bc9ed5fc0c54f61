"""How a task is trained follows from the model, the task and the device, and from no clock."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import torch

from vrtune import SGD, Task, TrialConfig
from vrtune.data import Dataset, Part
from vrtune.errors import UsageError
from vrtune.gradients.choice import CUDA, GROUPED, LINEAR
from vrtune.lanes import plan as planning
from vrtune.lanes.plan import Fuse, choose, plan
from vrtune.lanes.workspace import Workspace

TASK = Task(model="softmax", folds=2, limit=120)
LIKE = TrialConfig(optimizer=SGD(lr=0.1))
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace(TASK, Path(), CPU)


def made(model: str, shape: tuple[int, int, int], norm: str, batch_size: int) -> Workspace:
    """A task on images of a shape."""
    x, y = torch.zeros(4 * batch_size, *shape), torch.arange(4 * batch_size) % 10
    dataset = Dataset("made", 10, Part(x, y), lambda: Part(x, y))
    task = Task(dataset="made", model=model, norm=norm, folds=2, batch_size=batch_size)
    return Workspace(task, Path(), CPU, dataset)


# The faster way where the other took more than 1.15 times as long; lanes of one thread on a CPU.
# Taken once, on the machine of docs/performance.md.
MEASURED = [
    ("softmax", (1, 8, 8), "none", 32, "fused"),
    ("softmax", (1, 28, 28), "batch", 32, "fused"),
    ("softmax", (1, 28, 28), "none", 256, "looped"),
    ("softmax", (1, 16, 16), "none", 128, "looped"),
    ("softmax", (3, 32, 32), "none", 32, "looped"),
    ("lenet", (1, 28, 28), "none", 32, "fused"),
    ("lenet", (1, 28, 28), "none", 256, "fused"),
    ("lenet", (3, 32, 32), "batch", 32, "fused"),
    ("lenet-relu", (1, 28, 28), "none", 32, "fused"),
    ("sixconv", (1, 16, 16), "none", 32, "fused"),
    ("sixconv", (1, 28, 28), "batch", 32, "looped"),
    ("sixconv", (3, 32, 32), "none", 32, "looped"),
    ("resnet18-small", (1, 16, 16), "batch", 32, "fused"),
    ("resnet18-small", (1, 28, 28), "none", 32, "fused"),
    ("resnet18", (1, 8, 8), "batch", 16, "looped"),
    ("resnet110", (1, 8, 8), "batch", 16, "fused"),
    ("resnet110", (3, 32, 32), "batch", 16, "looped"),
    ("densenet40", (1, 8, 8), "batch", 16, "looped"),
    ("densenet40", (3, 32, 32), "batch", 16, "looped"),
]


@pytest.mark.parametrize(("model", "shape", "norm", "batch_size", "way"), MEASURED)
def test_the_rule_chooses_what_was_measured_to_be_faster(
    model: str,
    shape: tuple[int, int, int],
    norm: str,
    batch_size: int,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "why_not_fused", lambda module, shape: "")  # the test below
    assert choose(made(model, shape, norm, batch_size), "auto") == way


@pytest.mark.parametrize(
    ("model", "shape", "way"),
    [("lenet", (1, 28, 28), "fused"), ("resnet18", (3, 32, 32), "looped")],
)
def test_on_a_gpu(model: str, shape: tuple[int, int, int], way: str) -> None:
    """As an H100 did (docs/performance.md)."""
    workspace = made(model, shape, "none", 32)
    workspace.device = torch.device("cuda")
    assert choose(workspace, "auto") == way


def test_the_bounds_differ_by_what_is_computed() -> None:
    assert LINEAR < GROUPED < CUDA


def test_no_clock_is_asked(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> float:
        raise AssertionError

    for name in ("time", "monotonic", "perf_counter", "process_time"):
        monkeypatch.setattr(time, name, asked)
    assert plan(workspace, LIKE, "auto", 4) == plan(workspace, LIKE, "auto", 4)


@pytest.mark.parametrize(
    ("fuse", "at_once", "most", "said"),
    [
        ("auto", None, None, "one gradient for 4 trainings at once"),
        ("on", 4, None, "one gradient for 4 trainings at once"),
        ("on", 99, None, "one gradient for 4 trainings at once"),
        ("on", 3, 3, "one gradient for 3 trainings at once"),
        ("auto", 1, 1, "one gradient for 1 training at once"),
        ("off", None, None, "a gradient for each of 4 trainings"),
        ("off", 3, None, "a gradient for each of 4 trainings"),
    ],
)
def test_so_many_lanes_at_once(
    workspace: Workspace, fuse: Fuse, at_once: int | None, most: int | None, said: str
) -> None:
    found = plan(workspace, LIKE, fuse, 4, at_once=at_once)
    assert (found.most, found.text) == (most, said)
    assert found.fused == said.startswith("one gradient")


class Peeking(torch.nn.Module):
    """Looks at its values, which vmap has no single answer for."""

    def __init__(self, *_: Any) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(1, 10, 16, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x).flatten(1)
        return y if float(y.sum()) > 0 else 2 * y


def test_a_model_that_can_not_be_fused_is_looped(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workspace, "make", Peeking)
    assert not plan(workspace, LIKE, "auto", 2).fused
    with pytest.raises(UsageError, match=r"softmax can't be fused, .*: use --fuse off"):
        plan(workspace, LIKE, "on", 2)


def test_bfloat16_on_a_cpu_is_looped() -> None:
    task = TASK.model_copy(update={"precision": "bfloat16"})
    workspace = Workspace(task, Path(), CPU)
    assert not plan(workspace, LIKE, "auto", 2).fused
    with pytest.raises(UsageError, match="--fuse off"):
        plan(workspace, LIKE, "on", 2)


def test_bfloat16_with_batch_norm_is_looped_on_a_gpu_too() -> None:
    task = TASK.model_copy(update={"precision": "bfloat16", "norm": "batch"})
    workspace = Workspace(task, Path(), CPU)
    workspace.device = torch.device("cuda")
    assert not plan(workspace, LIKE, "auto", 2).fused
    with pytest.raises(UsageError, match="nor with batch norm: use --fuse off"):
        plan(workspace, LIKE, "on", 2)
