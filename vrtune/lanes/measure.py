"""Measures on the device at hand how gradients are computed fastest, and how many lanes pay."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Literal

import torch

from vrtune.config import Settings
from vrtune.errors import UsageError
from vrtune.lanes.gradients import Fused, Looped, Oracle
from vrtune.lanes.replay import WARM_UP, Replay
from vrtune.lanes.workspace import Workspace

BUDGET_S = 0.15  # of a way and a number of lanes, the first run aside
PAYS = 1.15  # more lanes must be this much faster, as fewer tell the sampler more
HEADROOM = 0.8  # of the free memory may be used
STATE_ROWS = 10  # rows of W that a method keeps or needs for a moment, at most

Fuse = Literal["auto", "on", "off"]
Way = Literal["looped", "fused"]
CHOICES: dict[Fuse, tuple[Way, ...]] = {
    "auto": ("looped", "fused"),
    "on": ("fused",),
    "off": ("looped",),
}
WAYS: dict[Way, type[Oracle]] = {"looped": Looped, "fused": Fused}


class Plan(Settings):
    """How a process trains."""

    way: Way
    lanes: int  # at once
    text: str  # the same for people

    @property
    def fused(self) -> bool:
        """All lanes in one gradient."""
        return self.way == "fused"


def plan(workspace: Workspace, fuse: Fuse, sizes: Sequence[int]) -> Plan:
    """The fewest lanes of `sizes`, and the way, whose lane-step is about the fastest to be had.

    Nothing is measured if `fuse` and `sizes` leave no choice. UsageError if they can't be had.
    """
    ways = CHOICES[fuse]
    if workspace.task.precision == "bfloat16" and workspace.device.type == "cpu":
        if fuse == "on":  # PyTorch's batched convolution on a CPU ignores autocast
            raise UsageError("bfloat16 on a CPU can't be fused: use --fuse off")
        ways = ("looped",)
    if len(ways) == len(sizes) == 1:
        lanes = sizes[0]
        return Plan(way=ways[0], lanes=lanes, text=f"{ways[0]} gradients, {lanes} lanes at once")
    found = {(way, lanes): s for way in ways for lanes, s in _rising(workspace, way, sizes)}
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


def _rising(workspace: Workspace, way: Way, sizes: Sequence[int]) -> Iterator[tuple[int, float]]:
    """Seconds of a lane's gradient at each size, until more lanes gain nothing or don't fit."""
    before = float("inf")
    for lanes in sizes:
        try:
            seconds, fits_twice = _measure(workspace, WAYS[way], lanes)
        except torch.OutOfMemoryError:
            return
        yield lanes, seconds
        if seconds * PAYS > before or not fits_twice or seconds * lanes > BUDGET_S:
            return
        before = seconds


def _measure(workspace: Workspace, way: type[Oracle], lanes: int) -> tuple[float, bool]:
    """Seconds of a lane's gradient among `lanes`, and whether twice as many fit the device."""
    device, task = workspace.device, workspace.task
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        base, free = torch.cuda.memory_allocated(device), torch.cuda.mem_get_info(device)[0]
    module = workspace.make().to(device)
    if way is Looped:
        oracle: Oracle = Looped(module, task.precision, workspace.threads)
    else:
        oracle = way(module, task.precision)
    W = torch.cat([p.detach().flatten() for p in module.parameters()]).repeat(lanes, 1)
    buffers = {n: b.expand(lanes, *b.shape).clone() for n, b in module.named_buffers()}
    x, y = (part[: task.batch_size] for part in workspace.train_data)
    x = x.float().expand(lanes, -1, -1, -1, -1).contiguous()
    y = y.expand(lanes, -1).contiguous()

    def work() -> None:
        oracle.gradient(W, buffers, x, y)

    run = Replay(work, device)
    times: list[float] = []
    while len(times) < WARM_UP + 5 and (len(times) < 2 or sum(times[1:]) < BUDGET_S):
        _wait(device)
        start = time.perf_counter()
        run()
        _wait(device)
        times.append(time.perf_counter() - start)
        if times[0] > 1.0:  # a second is enough of a measurement
            break
    fits_twice = True
    if cuda:
        used = torch.cuda.max_memory_allocated(device) - base + STATE_ROWS * W.nbytes
        fits_twice = 2 * used < HEADROOM * free
    return median(times[1:] or times) / lanes, fits_twice


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
