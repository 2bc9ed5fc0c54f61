"""Fused against looped gradients over the number of lanes, for three models; and what the plan of a
search makes of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch

from gpu_parts.made import CIFAR, FOLDS, MNIST, samples, workspace
from gpu_parts.pace import pace
from gpu_parts.running import Bench, Case, Part, Row
from gpu_parts.taken import free
from vrtune import SGD, TrialConfig
from vrtune.lanes.plan import plan
from vrtune.lanes.workspace import Workspace

CONFIG = TrialConfig(optimizer=SGD(lr=0.01, momentum=0.9))
LOOK_S = 2.5  # at one number of lanes
LONG_S = 6.0  # no more lanes are tried where a few steps of them would take longer
FEW = 8  # steps
ROOM = 0.8  # of the memory that is free


@dataclass(frozen=True)
class Net:
    """A model, its data, and the numbers of lanes to try."""

    model: str
    shape: tuple[int, int, int]
    lanes: tuple[int, ...]
    norm: str = "none"
    steps: int = 40  # of an epoch

    def space(self, bench: Bench) -> Workspace:
        """The model on made data of so many batches."""
        return workspace(
            bench.device, samples(self.steps), self.shape, model=self.model, norm=self.norm
        )


NETS = (
    Net("lenet", MNIST, (4, 16, 64, 256, 1024)),
    Net("resnet18", CIFAR, (4, 16, 64, 256), "batch", FEW),
    Net("resnet101", CIFAR, (4, 8, 16), "batch", FEW),
)
SMALL = (Net("lenet", (1, 16, 16), (4, 8), "batch", 2),)


def cases(bench: Bench) -> Iterator[Case]:
    """Both ways at each number of lanes, until the time or the memory says so."""
    for net in SMALL if bench.small else NETS:
        tried: dict[str, int] = {}  # the last number of lanes of a way
        for lanes in net.lanes:
            for fused in (True, False):
                way = "fused" if fused else "looped"
                name = f"{net.model} {way} {lanes}"
                last = bench.row(f"{net.model} {way} {tried[way]}") if way in tried else {}
                why = "fewer lanes failed" if last is None else too_much(bench, last, lanes)
                yield name, partial(_pace, bench, net, lanes, fused=fused, why=why)
                tried[way] = lanes
        yield f"{net.model} plan", partial(_plan, bench, net)


def too_much(bench: Bench, last: Row, lanes: int) -> str:
    """Why so many lanes can't be tried after a row of fewer; nothing if they can."""
    if not last:
        return ""
    times = lanes / last["lanes"]
    if (seconds := FEW * times * last["step_ms"] / 1000) > LONG_S:
        return f"{FEW} steps would take {seconds:.0f} s"
    if bench.device.type == "cuda":
        there = free(bench)
        if (wanted := times * last["reserved_gb"]) > ROOM * there:
            return f"would take about {wanted:.0f} GB of {there:.0f}"
    return ""


def _pace(bench: Bench, net: Net, lanes: int, *, fused: bool, why: str) -> Row:
    if why:
        return {"skipped": why}
    space = net.space(bench)
    seconds = 0.1 if bench.small else LOOK_S
    try:
        return pace(bench, space, CONFIG, lanes // FOLDS, fused=fused, seconds=seconds)
    except torch.OutOfMemoryError:
        return {"skipped": "out of memory"}


def _plan(bench: Bench, net: Net) -> Row:
    """What a search would choose for the most of these lanes, and how long it takes."""
    began = time.perf_counter()
    chosen = plan(net.space(bench), CONFIG, "auto", net.lanes[-1])
    return {"plan_s": time.perf_counter() - began, "text": chosen.text}


PART = Part("ways", 20, cases)
