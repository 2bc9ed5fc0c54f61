"""The largest costs of a step: kernels of a replayed step, operations of an eager one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from gpu_parts.made import CIFAR, FOLDS, MNIST, pool_of, samples, workspace
from gpu_parts.pace import Enough, Pacer
from gpu_parts.running import Bench, Case, Part, Row
from gpu_parts.story import Told, noted
from vrtune import SGD, SVRG, TrialConfig
from vrtune.lanes.pool import Pool

CONFIG = TrialConfig(estimator=SVRG(snapshot_period=5), optimizer=SGD(lr=0.01, momentum=0.9))
MOST = 3  # costs
STEPS, LOOKED_AT = 10, 5
# model, image, norm, lanes, fused
NETS: tuple[tuple[str, tuple[int, int, int], str, int, bool], ...] = (
    ("lenet", MNIST, "none", 256, True),
    ("resnet18", CIFAR, "batch", 8, True),
    ("resnet18", CIFAR, "batch", 8, False),
)
SMALL = (("lenet", (1, 16, 16), "none", 8, True),)


def cases(bench: Bench) -> Iterator[Case]:
    """Each net with its graphs, and without: only there kernels belong to operations."""
    for net in SMALL if bench.small else NETS:
        for graphs in (False,) if bench.small else (True, False):
            model, _, _, lanes, fused = net
            name = f"{model} {'fused' if fused else 'looped'} {lanes}"
            how = "replayed" if graphs else "eager"
            yield f"{name}, {how}", partial(_profile, bench, *net, graphs=graphs)


def _profile(
    bench: Bench,
    model: str,
    shape: tuple[int, int, int],
    norm: str,
    lanes: int,
    fused: bool,
    *,
    graphs: bool,
) -> Row:
    steps = 2 if bench.small else STEPS
    space = workspace(bench.device, samples(steps), shape, model=model, norm=norm, epochs=9)
    with noted(Told(), graphs), pool_of(space, fused=fused) as pool:
        pool.exchange([], dict.fromkeys(range(lanes // FOLDS), CONFIG))
        Pacer(bench, pool).warm_up(float("inf"))
        activities = [ProfilerActivity.CPU]
        if bench.device.type == "cuda":
            activities.append(ProfilerActivity.CUDA)
        seen = profile(activities=activities, acc_events=True)
        count, wall = watched(bench, pool, seen, min(steps - 1, LOOKED_AT))
        return {"step_ms": 1000 * wall / count, **costs(seen.key_averages(), wall)}


def watched(bench: Bench, pool: Pool, seen: profile, most: int) -> tuple[int, float]:
    """Trains for so many steps after the first of an epoch, under a profiler; returns how many
    steps it saw, and their seconds."""
    count, began = 0, 0.0

    def after_step() -> None:
        nonlocal count, began
        count += 1
        if count == 1:
            bench.wait()
            seen.start()
            began = time.perf_counter()
        if count > most:
            raise Enough

    with suppress(Enough):
        pool.train_epoch(after_step)
    bench.wait()
    wall = time.perf_counter() - began
    seen.stop()
    return count - 1, wall


def costs(events: Any, wall: float) -> Row:
    """The largest: kernels by their time, operations by that of their kernels and by their own on
    the CPU, each as a share of `wall` seconds."""
    on_device = [e for e in events if e.device_type == DeviceType.CUDA and not e.is_user_annotation]
    on_host = [e for e in events if e.device_type == DeviceType.CPU]

    def largest(some: list[Any], time_of: str) -> dict[str, float]:
        by_time = sorted(some, key=lambda e: getattr(e, time_of), reverse=True)[:MOST]
        return {e.key[:120]: getattr(e, time_of) / 1e6 / wall for e in by_time}

    found: Row = {"host": largest(on_host, "self_cpu_time_total")}
    if on_device:
        found["busy"] = sum(e.self_device_time_total for e in on_device) / 1e6 / wall
        found["kernels"] = largest(on_device, "self_device_time_total")
        found["operations"] = largest(on_host, "self_device_time_total")
        found["launched"] = sum(e.count for e in on_device)
    return found


PART = Part("profile", 6, cases)
