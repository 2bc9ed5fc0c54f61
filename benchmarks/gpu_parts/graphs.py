"""Steps replayed as CUDA graphs are the eager ones, and those of a CPU.

Every case tells the same story of a small net's lanes four times: float32 with graphs and without,
which must agree, as a graph is the same kernels; in double precision with graphs and on the CPU,
looped, which must agree to rounding. A replay that ran often enough must have been captured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gpu_parts import methods
from gpu_parts.made import Doubled, dataset
from gpu_parts.running import Bench, Case, Part, Row
from gpu_parts.story import Exchanges, Told, apart, first_apart, tell
from vrtune import MetaInit, Task, TrialConfig
from vrtune.lanes.device import one_thread
from vrtune.lanes.workspace import Workspace

SAME, NOISE = 1e-5, 10  # of the graph and the eager steps: or so many times what two eager runs are
ROUNDING = 1e-8  # of double precision, after some dozens of steps
SINGLE = 0.02  # of float32 against double precision after an epoch; later a net may be chaotic
CHECKS = ("all", "same", "near", "rounding")
SHAPE = (1, 16, 16)
CPU = torch.device("cpu")
SMALL = ("svrg batch", "plain + adam", "plain, polyak")  # of the cases, on a CPU


@dataclass(frozen=True)
class Trial:
    """What is told, on which model."""

    configs: Callable[[], list[TrialConfig]]
    shape: tuple[int, int, int] = SHAPE
    task: dict[str, Any] = field(default_factory=dict)
    double: bool = True  # whether it is also told in double precision


class Looking(nn.Module):
    """A module that looks at its values, which a capture can't."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """The module's outputs, or zeros if they are huge."""
        y: Tensor = self.module(x)
        return y * 0 if bool(y.detach().abs().max() > 1e6) else y


class LookingSpace(Workspace):
    """A workspace whose model can't be captured."""

    def make(self, *, rated: bool = False) -> nn.Module:
        """The task's model, which looks at its values."""
        return Looking(super().make(rated=rated))


class Graphs:
    """The stories told so far on the CPU are kept: both ways are held against one."""

    def __init__(self, bench: Bench) -> None:
        self.device, small = bench.device, bench.small
        self.epochs = 3 if small else 8
        self.samples = 80 if small else 216  # of two folds: the last batch is short
        self.exchanges: Exchanges = (
            {0: ([], [0, 1]), 1: ([0], [3]), 2: ([1], [])}
            if small
            else {0: ([], [0, 1, 2]), 4: ([1], [3]), 6: ([0], [])}
        )
        self.kept: dict[str, Told] = {}

    def space(
        self, trial: Trial, device: torch.device, kind: type[Workspace] = Workspace
    ) -> Workspace:
        """Two folds of made images, in batches of 32."""
        task = Task(dataset="made", folds=2, epochs=self.epochs, **trial.task)
        return kind(task, None, device, dataset(self.samples, trial.shape))  # type: ignore[arg-type]

    def compare(self, name: str, trial: Trial, fused: bool) -> Row:
        """One case."""
        configs = trial.configs()

        def told(graphs: bool) -> Told:
            space = self.space(trial, self.device)
            return tell(space, configs, self.exchanges, fused=fused, graphs=graphs)

        with deterministic():
            one, other = told(True), told(False)
            row = self._captured(one)
            row["graph_vs_eager"] = off = distance(one, other)
            if off > SAME:
                row["eager_vs_eager"] = noise = distance(other, told(False))
                row["same"] = off <= NOISE * noise
                row["first_epoch_apart"] = first_apart(one, other, SAME)
            if trial.double:
                wanted = self._reference(name, trial, configs)
                row["float32_vs_cpu"] = off = apart(one.weights[0], wanted.weights[0])
                row["near"] = off <= SINGLE
                row |= self._double(name, trial, configs, fused)
        checks = [row.pop(check, True) for check in CHECKS]
        return {"ok": all(checks), **row}

    def _captured(self, told: Told) -> Row:
        """How many replays became graphs, of those that ran often enough."""
        due = told.due if self.device.type == "cuda" else 0
        return {"captured": told.captured, "due": due, "all": told.captured == due}

    def _double(self, name: str, trial: Trial, configs: list[TrialConfig], fused: bool) -> Row:
        """In double precision, where cuDNN has no kernel for it without cuDNN."""
        wanted = self._reference(name, trial, configs)
        space = self.space(trial, self.device, Doubled)
        row: Row = {}
        try:
            found = tell(space, configs, self.exchanges, fused=fused)
        except RuntimeError as error:
            row["cudnn_refused"] = str(error).splitlines()[0][:200]
            with torch.backends.cudnn.flags(enabled=False):
                found = tell(space, configs, self.exchanges, fused=fused)
        off = distance(found, wanted)
        row |= {"double_vs_cpu": off, "rounding": off <= ROUNDING}
        if off > ROUNDING:
            eager = tell(space, configs, self.exchanges, fused=fused, graphs=False)
            row["eager_double_vs_cpu"] = distance(eager, wanted)
            row["first_epoch_apart_from_cpu"] = first_apart(found, wanted, ROUNDING)
        return row

    def _reference(self, name: str, trial: Trial, configs: list[TrialConfig]) -> Told:
        """The story on the CPU, looped, in double precision."""
        if name not in self.kept:
            with one_thread(CPU):
                space = self.space(trial, CPU, Doubled)
                self.kept[name] = tell(space, configs, self.exchanges, fused=False)
        return self.kept[name]

    def refused(self) -> Row:
        """A model that can't be captured trains as it is, and others are captured afterwards."""
        plain = Trial(partial(methods.trials, "plain"))
        configs = plain.configs()
        with deterministic():
            space = self.space(plain, self.device, LookingSpace)
            found = [
                tell(space, configs, self.exchanges, fused=False, graphs=graphs)
                for graphs in (True, False)
            ]
            after = self.compare("plain none", plain, fused=True)
        off = distance(*found)
        return {"ok": off <= SAME and after["ok"], "refused_vs_eager": off, "after": after}


def distance(one: Told, other: Told) -> float:
    """The largest relative difference in all that was told."""
    pairs = [*zip(one.weights, other.weights, strict=True), (one.buffers, other.buffers)]
    losses = [
        {number: torch.tensor([values], dtype=torch.double) for number, values in told.items()}
        for told in (one.losses, other.losses)
    ]
    return max(apart(*pair) for pair in [*pairs, (losses[0], losses[1])])


@contextmanager
def deterministic() -> Iterator[None]:
    """cuDNN's sums in an order that repeats."""
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before


def trials(small: bool) -> dict[str, Trial]:
    """What is told, by name: every estimator, every step rule, then what is special."""
    out: dict[str, Trial] = {}
    for kind in methods.estimators():
        for norm in ("none", "batch"):
            out[f"{kind} {norm}"] = Trial(partial(methods.trials, kind), task={"norm": norm})
    for kind in methods.optimizers():
        if kind != "sgd":
            out[f"plain + {kind}"] = Trial(partial(methods.trials, "plain", kind))
    for kind, configs in methods.beside().items():
        model = {"model": "mlp"} if kind == "dropout" else {"norm": "batch"}
        out[f"plain, {kind}"] = Trial(lambda configs=configs: configs, task=model)  # type: ignore[misc]
    for table, configs in methods.tables().items():
        out[f"saga, {table}"] = Trial(lambda configs=configs: configs)  # type: ignore[misc]
    if small:
        return {name: out[name] for name in SMALL}
    views = {"augment": "crop-flip", "lock_transforms": False}
    relu, deep = {"model": "lenet-relu", "norm": "layer"}, {"model": "resnet18-small"}
    return out | {
        "late start": Trial(partial(methods.trials, "svrg", start=2)),
        "schedules": Trial(partial(methods.with_schedules, "svrg")),
        "two programs": Trial(
            lambda: methods.trials("svrg")[:2] + methods.trials("plain", "adam")[2:]
        ),
        "fresh views": Trial(partial(methods.trials, "svrg"), (3, 16, 16), views),
        "max pooling, layer norm": Trial(partial(methods.trials, "storm"), (3, 16, 16), relu),
        "resnet18-small batch": Trial(
            partial(methods.trials, "svrg"), (3, 16, 16), deep | {"norm": "batch"}
        ),
        "metainit": Trial(_metainit),
        "tf32": Trial(partial(methods.trials, "svrg"), task={"precision": "tf32"}, double=False),
        "bfloat16": Trial(
            partial(methods.trials, "svrg"), task={"precision": "bfloat16"}, double=False
        ),
    }


def _metainit() -> list[TrialConfig]:
    started = [MetaInit(steps=3), MetaInit(steps=2, lr=0.05)] * 2
    pairs = zip(methods.trials("svrg"), started, strict=True)
    return [config.model_copy(update={"init": init}) for config, init in pairs]


def cases(bench: Bench) -> Iterator[Case]:
    """Fused and looped; what can't be captured comes last, as it may harm what follows."""
    graphs = Graphs(bench)
    for name, trial in trials(bench.small).items():
        for fused in (True, False):
            way = "fused" if fused else "looped"
            yield f"{name}, {way}", partial(graphs.compare, name, trial, fused)
    yield "a model that can't be captured", graphs.refused


PART = Part("graphs", 36, cases)
