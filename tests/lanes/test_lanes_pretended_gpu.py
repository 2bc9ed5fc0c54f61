"""A step where the device is not the host: on tensors that only pretend to be on a GPU.

They have a device and a shape, and no values, so that memory of the host among them shows, which a
CUDA graph can't hold. Gradients are made up, as PyTorch's engine asks the driver for the device.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from contracts.settings import CAPTURED, configs
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vrtune.config import Task
from vrtune.gradients.fused import Fused
from vrtune.gradients.keyed import KEY
from vrtune.lanes import Lane, Lanes
from vrtune.lanes.rows import Program
from vrtune.lanes.step import PartialSum, Step
from vrtune.lanes.workspace import Workspace
from vrtune.testing import problem

GPU = torch.device("cuda")
pytestmark = pytest.mark.skipif(
    not (torch.cuda.is_available() or hasattr(torch._C, "_ensureCUDADeviceGuardSet")),
    reason="this PyTorch asks the driver even for a pretended device",
)
ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


class NoHost(TorchDispatchMode):
    """Refuses every operation on the host's memory."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in tree_leaves((args, kwargs, out)):
            if isinstance(value, Tensor):
                assert value.device.type == "cuda", f"{func} of {tuple(value.shape)} on the host"
        return out


@pytest.fixture
def pretence(monkeypatch: pytest.MonkeyPatch) -> FakeTensorMode:
    def grad(_: Tensor, leaves: list[Tensor], **how: bool) -> list[Tensor]:
        return [*map(torch.empty_like, leaves)]

    monkeypatch.setattr(torch.autograd, "grad", grad)
    monkeypatch.setattr(Tensor, "backward", lambda loss: None)
    return FakeTensorMode()


def move(thing: Any, pretence: FakeTensorMode, seen: set[int]) -> None:
    """Puts every tensor that an attribute of an object of ours holds on the pretended device."""

    def moved(tensor: Tensor) -> Tensor:
        if tensor.device.type == "cuda":
            return tensor
        with pretence:
            return torch.empty(tensor.shape, dtype=tensor.dtype, device=GPU)

    if id(thing) in seen:
        return
    seen.add(id(thing))
    held = thing if isinstance(thing, dict) else vars(thing)
    for name, value in list(held.items()):
        if isinstance(value, torch.device):
            held[name] = GPU
        elif isinstance(value, nn.Module):
            for layer in value.modules():
                for key, p in layer._parameters.items():
                    if p is not None:
                        twin = moved(p)
                        with pretence:
                            layer._parameters[key] = nn.Parameter(twin)
                move(layer._buffers, pretence, seen)
        elif isinstance(value, Tensor):
            held[name] = moved(value)
        elif isinstance(value, dict) or type(value).__module__.startswith("vrtune"):
            move(value, pretence, seen)


def step_of(lanes: Lanes, pretence: FakeTensorMode) -> Callable[[], None]:
    """The work of a snapshot's batch and then of a step, after an epoch on the host."""
    lanes.train_epoch()
    if isinstance(lanes.oracle, Fused):
        lanes.oracle = Fused(lanes.oracle.original)  # as a GPU has it, whatever suits a CPU
    else:
        lanes.oracle.memory_format = torch.channels_last
    rows, batches = lanes.rows, lanes.batches
    estimator = rows.estimator
    move(lanes, pretence, set())
    with pretence:
        step = Step(lanes.oracle, rows, batches, estimator)
        some = torch.empty(2, dtype=torch.long, device=GPU)
        add = PartialSum(lanes.oracle, rows, batches, some)
        add.begin(rows.W[:2], some)
        index = torch.empty_like(next(iter(batches)))
        off_step = torch.empty_like(next(batches.of_snapshot(some, 0, 1)))

    def work() -> None:
        with pretence, NoHost():
            add.work(off_step)
            if estimator.settings.keeps_snapshot:
                estimator.snapshot(some, rows.W, lambda weights, chosen: add.total)
            step.work(index)

    return work


@ways
@pytest.mark.parametrize(("estimator", "optimizer"), CAPTURED)
def test_a_step_stays_on_the_device(
    estimator: str, optimizer: str, fused: bool, pretence: FakeTensorMode
) -> None:
    lanes = problem.seat(configs(estimator, optimizer, 3), "batch", fused=fused)
    step_of(lanes, pretence)()


@ways
def test_so_do_random_views(fused: bool, pretence: FakeTensorMode) -> None:
    task = Task(folds=2, limit=120, augment="crop-flip", lock_transforms=False)
    workspace = Workspace(task, Path(), torch.device("cpu"))
    (config, *_) = configs("svrg", "sgd", 1)
    lanes = workspace.lanes(Program.of(config), fused=fused)
    lanes.append([Lane(0, config, stream) for stream in workspace.folds])
    step_of(lanes, pretence)()


@ways
def test_so_do_dropout_masks(fused: bool, pretence: FakeTensorMode) -> None:
    task = Task(folds=2, limit=120, model="tabular", lock_transforms=False)
    workspace = Workspace(task, Path(), torch.device("cpu"))
    (config, *_) = configs("svrg", "sgd", 1)
    lanes = workspace.lanes(Program.of(config), fused=fused)
    lanes.append([Lane(0, config, stream) for stream in workspace.folds])
    assert KEY in lanes.rows.buffers
    step_of(lanes, pretence)()


def test_what_lies_on_the_host_is_found(
    pretence: FakeTensorMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = problem.seat(configs("plain", "sgd", 3), fused=True)
    work = step_of(lanes, pretence)
    optimizer = lanes.rows.optimizer
    usual = optimizer.step

    def from_the_host(W: Tensor, d: Tensor, *rest: Any) -> None:
        usual(W, d * torch.tensor([2.0]), *rest)

    monkeypatch.setattr(optimizer, "step", from_the_host)
    with pytest.raises(AssertionError, match="on the host"):
        work()
