"""What a GPU would capture, on tensors that only pretend to be on one: they have a device and a
shape, and no values. No step may wait for a value, nor touch memory of the host.

Gradients are made up, as PyTorch's engine asks the driver for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vrtune import Task, TrialConfig
from vrtune.estimators import ESTIMATORS
from vrtune.lanes.evaluate import evaluate
from vrtune.lanes.gradients import Fused
from vrtune.lanes.rows import Lane
from vrtune.lanes.step import PartialSum, Step
from vrtune.lanes.train import Lanes
from vrtune.lanes.workspace import Workspace
from vrtune.models import pool
from vrtune.optimizers import OPTIMIZERS

GPU = torch.device("cuda")
PROGRAMS = [
    *((estimator, "sgd") for estimator in ESTIMATORS),
    *(("plain", optimizer) for optimizer in OPTIMIZERS if optimizer != "sgd"),
]


class NoHost(TorchDispatchMode):
    """Refuses every operation on the host's memory: a capture can't repeat it."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in tree_leaves((args, kwargs, out)):
            if isinstance(value, Tensor):
                assert value.device.type == "cuda", f"{func} of {tuple(value.shape)} on the host"
        return out


@pytest.fixture
def pretence(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTensorMode]:
    monkeypatch.setattr(torch.autograd, "grad", lambda _, leaves: [*map(torch.empty_like, leaves)])
    monkeypatch.setattr(Tensor, "backward", lambda loss: None)
    pool._quarters.cache_clear()
    yield FakeTensorMode()
    pool._quarters.cache_clear()


def settings(program: tuple[str, str]) -> TrialConfig:
    estimator = ESTIMATORS[program[0]].settings()
    lr = {} if program[0] == "storm" else {"lr": 0.1}
    return TrialConfig(estimator=estimator, optimizer=OPTIMIZERS[program[1]].settings(**lr))


def lanes_of(program: tuple[str, str], task: Task, *, fused: bool) -> Lanes:
    """Two lanes as their first epoch begins, still on the host."""
    workspace = Workspace(task, Path(), torch.device("cpu"))
    lanes = workspace.lanes(program, fused=fused)
    if fused:
        lanes.oracle = Fused(workspace.make())
    else:
        lanes.oracle.memory_format = torch.channels_last
    lanes.append([Lane(0, settings(program), stream) for stream in workspace.folds])
    streams = [lane.stream for lane in lanes.seats]
    lanes.batches.begin_epoch(streams, [0, 0], [0, 0], locked=task.lock_transforms)
    return lanes


def move(thing: Any, pretence: FakeTensorMode, seen: set[int]) -> None:
    """Puts every tensor that an object of ours holds on the pretended device."""

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
    """The work of a step, and before it that of a snapshot's batch."""
    move(lanes, pretence, set())
    estimator, rows, batches = lanes.rows.estimator, lanes.rows, lanes.batches
    with pretence:
        step = Step(lanes.oracle, rows, batches, estimator)
        both = torch.empty(2, dtype=torch.long, device=GPU)
        add = PartialSum(lanes.oracle, rows, batches, both)
        add.begin(rows.W, both)
        index = torch.empty_like(next(iter(batches)))
        off_step = torch.empty_like(next(batches.of_snapshot(both, 0, 1)))

    def work() -> None:
        with pretence, NoHost():
            add.work(off_step)
            if estimator.keeps_snapshot:
                estimator.snapshot(both, rows.W, lambda weights, chosen: add.total)
            step.work(index)

    return work


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "looped"])
@pytest.mark.parametrize("program", PROGRAMS, ids="-".join)
def test_a_step_stays_on_the_device(
    program: tuple[str, str], fused: bool, pretence: FakeTensorMode
) -> None:
    lanes = lanes_of(program, Task(folds=2, limit=120), fused=fused)
    step_of(lanes, pretence)()


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "looped"])
def test_so_do_views_and_batch_norm(fused: bool, pretence: FakeTensorMode) -> None:
    task = Task(
        folds=2, limit=120, norm="batch", model="resnet18-small", augment="crop-flip",
        lock_transforms=False,
    )  # fmt: skip
    step_of(lanes_of(("svrg", "sgd"), task, fused=fused), pretence)()


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "looped"])
def test_judging_waits_for_nothing(fused: bool, pretence: FakeTensorMode) -> None:
    lanes = lanes_of(("plain", "sgd"), Task(folds=2, limit=120), fused=fused)
    streams = [lane.stream for lane in lanes.seats]
    move(lanes, pretence, set())
    with pretence:
        index = torch.empty(2, 30, dtype=torch.long, device=GPU)
        data = lanes.batches.x, lanes.batches.y
        scale = torch.ones(1)
        for stream in streams:
            object.__setattr__(stream, "scale", scale)
            object.__setattr__(stream, "shift", scale)
        loss, accuracy = evaluate(lanes.oracle, lanes.rows.W, {}, streams, data, index)
    assert loss.device.type == accuracy.device.type == "cuda"


def test_what_waits_or_comes_from_the_host_is_found(
    pretence: FakeTensorMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = lanes_of(("plain", "sgd"), Task(folds=2, limit=120), fused=True)
    work = step_of(lanes, pretence)
    rows = lanes.rows
    optimizer = rows.optimizer
    usual = optimizer.step

    def from_the_host(W: Tensor, d: Tensor, *rest: Any) -> None:
        usual(W, d * torch.tensor([2.0]), *rest)

    def waiting(W: Tensor, d: Tensor, *rest: Any) -> None:
        if d.sum() > 0:
            usual(W, d, *rest)

    monkeypatch.setattr(optimizer, "step", from_the_host)
    with pytest.raises(AssertionError, match="on the host"):
        work()
    monkeypatch.setattr(optimizer, "step", waiting)
    with pytest.raises(Exception, match="_local_scalar_dense"):
        work()
