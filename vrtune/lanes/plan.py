"""Measures on the device at hand which way of training is fastest, and how many lanes pay."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from statistics import median
from typing import Literal

import torch

from vrtune.config import Settings
from vrtune.errors import UsageError
from vrtune.lanes.memory import available, needed, state_rows
from vrtune.lanes.replay import WARM_UP, release
from vrtune.lanes.rows import Lane, Program
from vrtune.lanes.workspace import Workspace
from vrtune.optimizers import SGD
from vrtune.trial_config import TrialConfig

BUDGET_S = {"cpu": 0.01, "cuda": 0.025}  # of a measurement; a GPU has one look, without turns
TURNS = 3  # on a CPU
SHORT_S = 0.1  # a longer step is looked at once, and more lanes are not tried
RUNS = 20  # steps of a measurement, at most
LONG_S = 20.0  # beside a step as long as this, what the first one compiles and imports is little
PAYS = 1.15  # more lanes must be this much faster, as fewer tell the sampler more
HEADROOM = 0.8  # of the free memory may be used

Fuse = Literal["auto", "on", "off"]
Way = Literal["looped", "fused"]
CHOICES: dict[Fuse, tuple[Way, ...]] = {
    "auto": ("looped", "fused"),
    "on": ("fused",),
    "off": ("looped",),
}


class Plan(Settings):
    """How a process trains."""

    way: Way
    lanes: int  # at once
    text: str  # the same for people

    @property
    def fused(self) -> bool:
        """All lanes in one gradient."""
        return self.way == "fused"


def plan(
    workspace: Workspace,
    config: TrialConfig,
    fuse: Fuse,
    sizes: Sequence[int],
    processes: int = 1,
) -> Plan:
    """The fewest lanes of `sizes`, and the way, whose lane-step is about the fastest to be had, of
    those that fit the memory of `processes` when they train like `config`.

    Nothing is measured if `fuse` and `sizes` leave no choice. UsageError if they can't be had.
    """
    ways = CHOICES[fuse]
    if workspace.task.precision == "bfloat16" and (
        workspace.device.type == "cpu"  # whose batched convolution ignores autocast
        or workspace.task.norm == "batch"  # PyTorch's batched one takes no statistics in float32
    ):
        if fuse == "on":
            raise UsageError(
                "bfloat16 can't be fused on a CPU, nor with batch norm: use --fuse off"
            )
        ways = ("looped",)
    if len(ways) == len(sizes) == 1:
        lanes = sizes[0]
        return Plan(way=ways[0], lanes=lanes, text=f"{ways[0]} gradients, {lanes} lanes at once")
    found = _measured(workspace, config, ways, sizes, processes)
    if workspace.device.type == "cuda":
        release(workspace.device)
    if not found:  # the search will halve them
        return Plan(way=ways[0], lanes=sizes[0], text=f"{ways[0]} gradients, {sizes[0]} lanes")
    best = min(found.values())
    fast = [key for key in found if found[key] <= best * PAYS]
    way, lanes = min(fast, key=lambda key: (key[1], found[key]))
    others = [
        f"{other} {1000 * min(s for (w, _), s in found.items() if w == other):.2g}"
        for other in ways
        if other != way and any(w == other for w, _ in found)
    ]
    text = (
        f"{way} gradients, {lanes} lanes at once: {1000 * found[way, lanes]:.2g} ms a lane-step"
        f"{''.join(f', {other}' for other in others)} (measured)"
    )
    return Plan(way=way, lanes=lanes, text=text)


def _measured(
    workspace: Workspace,
    config: TrialConfig,
    ways: Sequence[Way],
    sizes: Sequence[int],
    processes: int,
) -> dict[tuple[Way, int], float]:
    """Seconds of a lane's step, for each way at each size that is worth a look. On a CPU, where
    others disturb, all take turns and the least disturbed counts; long work is looked at once."""
    found = _rising(workspace, config, ways, sizes, processes)
    short = [key for key, seconds in found.items() if seconds * key[1] <= SHORT_S]
    for _ in range(TURNS - 1 if workspace.device.type == "cpu" else 0):
        for way, lanes in short:
            found[way, lanes] = min(found[way, lanes], _measure(workspace, config, way, lanes)[0])
    return found


def _rising(
    workspace: Workspace,
    config: TrialConfig,
    ways: Sequence[Way],
    sizes: Sequence[int],
    processes: int,
) -> dict[tuple[Way, int], float]:
    """One look at each size, for each way until more lanes don't fit, make a step long or, on a
    GPU, gain nothing: a CPU is too often disturbed to say so."""
    found: dict[tuple[Way, int], float] = {}
    cuda = workspace.device.type == "cuda"
    before = dict.fromkeys(ways, float("inf"))
    for lanes in sizes:
        now: dict[Way, tuple[float, bool]] = {}
        for way in before:
            if _may_fit(workspace, config, way, lanes, processes):
                with suppress(torch.OutOfMemoryError):
                    now[way] = _measure(workspace, config, way, lanes)
        found |= {(way, lanes): seconds for way, (seconds, _) in now.items()}
        if "fused" in now and "looped" in now and now["looped"][0] > PAYS * now["fused"][0]:
            del now["looped"]  # which gains nothing from more lanes
        before = {
            way: seconds
            for way, (seconds, fits_twice) in now.items()
            if fits_twice
            and seconds * lanes <= SHORT_S
            and (not cuda or seconds * PAYS <= before[way])
        }
    return found


def _may_fit(
    workspace: Workspace, config: TrialConfig, way: Way, lanes: int, processes: int
) -> bool:
    """A GPU says itself when its memory is used up; a CPU's system ends the process."""
    if workspace.device.type != "cpu":
        return True
    size, threads = workspace.task.batch_size, workspace.threads
    need = needed(workspace, config, lanes, size, threads=threads, fused=way == "fused")
    return processes * need <= available(workspace.device)


def _measure(workspace: Workspace, config: TrialConfig, way: Way, lanes: int) -> tuple[float, bool]:
    """Seconds of a lane's step among `lanes`, in the first steps of a training by SGD; and whether
    twice as many fit the device when they train like `config`."""
    device = workspace.device
    cuda = device.type == "cuda"
    if cuda:
        release(device)
        torch.cuda.reset_peak_memory_stats(device)
        base, free = torch.cuda.memory_allocated(device), torch.cuda.mem_get_info(device)[0]
    plain = TrialConfig(optimizer=SGD(lr=1e-6))
    stream = workspace.folds[0]
    group = workspace.lanes(Program.of(plain), fused=way == "fused")
    group.append([Lane(i, plain, stream) for i in range(lanes)])
    warm_up = WARM_UP + 1 if cuda else 1
    times: list[float] = []
    last = time.perf_counter()

    def after_step() -> None:
        nonlocal last
        if cuda:
            torch.cuda.synchronize(device)
        now = time.perf_counter()
        times.append(now - last)
        last = now
        counted = times[warm_up:]
        long = len(times) >= warm_up and min(times) > LONG_S
        if long or len(counted) >= RUNS or (counted and sum(counted) >= BUDGET_S[device.type]):
            raise _Enough

    with suppress(_Enough):
        while True:
            group.train_epoch(after_step)
    fits_twice = True
    if cuda:
        used = torch.cuda.max_memory_allocated(device) - base
        used += state_rows(config) * group.rows.W.nbytes
        fits_twice = 2 * used < HEADROOM * free
    return median(times[warm_up:] or times) / lanes, fits_twice


class _Enough(Exception):
    """The measurement ends."""
