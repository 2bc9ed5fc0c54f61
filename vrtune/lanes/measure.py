"""Chooses by measurement what depends on the device and the model."""

from __future__ import annotations

import time

import torch

from vrtune.lanes.gradients import Fused, Looped
from vrtune.lanes.workspace import Workspace

BUDGET_S = 0.5  # for each way


def fused_pays(workspace: Workspace, lanes: int | None = None) -> bool:
    """True if one fused step of `lanes` lanes (a trial's, if not said) is faster than a loop."""
    lanes = lanes or workspace.task.folds
    seconds = {}
    for way in (Fused, Looped):
        module = workspace.make().to(workspace.device)
        oracle = way(module)
        W = torch.cat([p.detach().flatten() for p in module.parameters()]).repeat(lanes, 1)
        buffers = {n: b.expand(lanes, *b.shape).clone() for n, b in module.named_buffers()}
        x, y = workspace.train_data
        x = x[: workspace.task.batch_size].float().expand(lanes, -1, -1, -1, -1)
        y = y[: workspace.task.batch_size].expand(lanes, -1)
        times: list[float] = []
        while len(times) < 8 and sum(times) < BUDGET_S:
            _wait(workspace.device)
            start = time.perf_counter()
            oracle.gradient(W, buffers, x, y)
            _wait(workspace.device)
            times.append(time.perf_counter() - start)
        seconds[way] = min(times)
    return seconds[Fused] < seconds[Looped]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
