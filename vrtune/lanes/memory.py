"""How much memory lanes need, told before any is taken."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from math import prod

import torch

from vrtune import machine
from vrtune.errors import UsageError
from vrtune.lanes.device import cores
from vrtune.lanes.rows import Program
from vrtune.lanes.shortage import one_error_of_memory
from vrtune.lanes.tables import smaller_entries, smaller_table, table_bytes
from vrtune.lanes.workspace import Workspace
from vrtune.machine import GB
from vrtune.trial_config import TrialConfig

BRIEF_ROWS = 7  # rows of W: the weights that lanes start from, and what a step needs for a moment
BUFFER_ROWS = 3  # a lane's own, those that it starts from, and a copy for another point
POINTS = 2  # at which a fused step takes gradients at once on a CPU
LOOKED = 2  # copies of what layers see, for step rules that look at it
HEADROOM = 0.9  # of the free memory may be used


def state_rows(config: TrialConfig, shapes: Sequence[torch.Size] = ()) -> float:
    """Rows of W that a lane takes: its weights, its method's state, and some for a moment. Of a
    model whose tensors have these shapes; UsageError if the step rule takes none such."""
    W = torch.empty(1, 2)
    estimator, rule, _, average = Program.of(config).make(W)
    rule.shapes = shapes
    states = estimator.state, rule.state, average.state
    tensors = [tensor for group in states for tensor in group.values()]
    rows = [tensor.shape == W.shape for tensor in tensors]
    others = sum(t.numel() for t, is_row in zip(tensors, rows, strict=True) if not is_row)
    state = sum(rows) + average.keeps + (others / sum(map(prod, shapes)) if shapes else 0)
    return 1 + state + rule.held(config.optimizer) + BRIEF_ROWS


def activations(workspace: Workspace, batch_size: int) -> int:
    """Bytes that a lane's forward pass keeps for its backward pass, and as much for gradients."""
    return 2 * workspace.size.kept * batch_size


def needed(
    workspace: Workspace,
    config: TrialConfig,
    lanes: int,
    batch_size: int,
    *,
    threads: int,
    fused: bool = False,
    most: int | None = None,
    samples: int | None = None,
) -> int:
    """Bytes of a process that trains `lanes` lanes like `config`, on `samples` or as many as the
    largest fold has. Fused, `most` rows are computed at once, or all, both gradients of a
    two-gradient method too; else a thread each."""
    size = workspace.size
    row = int(state_rows(config, size.shapes) * 4 * size.parameters) + BUFFER_ROWS * size.fixed
    samples = samples or max(len(split.train) for split in workspace.splits)
    state = (row + sum(table_bytes(workspace, config, samples, batch_size))) * lanes
    points = POINTS if workspace.device.type == "cpu" else 1
    rows = most or points * lanes if fused else min(threads, lanes)
    looks = LOOKED * size.unfolded * batch_size if config.optimizer.algorithm.layers else 0
    return state + rows * (activations(workspace, batch_size) + looks)


def available(device: torch.device) -> int:
    """Bytes that may be used."""
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
        return int(HEADROOM * torch.cuda.mem_get_info(device)[0])
    free = machine.free_memory()
    if device.type == "mps":  # shares the memory, within a bound of its own
        free = min(free, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return int(HEADROOM * max(0, free))


def hungriest(configs: Collection[TrialConfig], workspace: Workspace | None = None) -> TrialConfig:
    """The one whose lanes take the most memory, in a workspace if they may keep tables."""

    def lane(config: TrialConfig) -> tuple[float, float]:
        if workspace is None:
            return 0, state_rows(config)
        whole, size = len(workspace.indices), workspace.size
        table = sum(table_bytes(workspace, config, whole, workspace.task.batch_size))
        return table + 4 * size.parameters * state_rows(config, size.shapes), 0

    return max(configs, key=lane)


def check_trainings(workspace: Workspace, config: TrialConfig, lanes: int) -> None:
    """UsageError if so many trainings like `config`, on the whole training part, don't fit at once,
    looped, with a thread a core."""
    free, task = available(workspace.device), workspace.task
    threads = cores(workspace.device)
    whole = len(workspace.indices)
    need = needed(workspace, config, lanes, task.batch_size, threads=threads, samples=whole)
    if need > free:
        why = f"which would take about {need / GB:.1f} GB of the {free / GB:.1f} GB that are free"
        raise _too_large(workspace, lanes, why, smaller_table(config))


@contextmanager
def told_of_memory(workspace: Workspace, lanes: int) -> Iterator[None]:
    """UsageError if the device's memory runs out while so many lanes train."""
    try:
        with one_error_of_memory():
            yield
    except torch.OutOfMemoryError:
        raise _too_large(workspace, lanes, f"which took all memory of {workspace.device}") from None


def _too_large(workspace: Workspace, lanes: int, why: str, table: str = "") -> UsageError:
    what = f"{lanes} trainings at once" if lanes > 1 else "a training"
    cure = "train fewer trials or seeds at once" if lanes > 1 else "use a smaller model"
    return UsageError(f"{workspace.task.model} is too large for {what}, {why}: {table}{cure}")


def fits(
    workspace: Workspace,
    config: TrialConfig,
    lanes: int,
    processes: int,
    *,
    fused: bool,
    most: int | None = None,
) -> bool:
    """Whether so many processes can train `lanes` lanes like `config` each."""
    task, threads = workspace.task, workspace.threads
    need = needed(
        workspace, config, lanes, task.batch_size, threads=threads, fused=fused, most=most
    )
    return processes * need <= available(workspace.device)


def check_fit(
    workspace: Workspace,
    config: TrialConfig,
    trials: int,
    processes: int,
    *,
    fused: bool = False,
    devices: int = 1,
) -> None:
    """UsageError names the largest setting that fits, if `processes` on each of the devices with so
    many trials under way in each do not. Fewer processes have more threads each; fused lanes can be
    computed one by one.
    """
    device, task = workspace.device, workspace.task
    free = available(device)

    def of_one(processes: int, trials: int, batch_size: int) -> int:
        threads, most = max(1, cores(device) // processes), 1 if fused else None
        lanes = trials * task.parts
        return needed(workspace, config, lanes, batch_size, threads=threads, fused=fused, most=most)

    def fit(processes: int, trials: int, batch_size: int) -> bool:
        return processes * of_one(processes, trials, batch_size) <= free

    size = task.batch_size
    if fit(processes, trials, size):
        return
    least = 2 if workspace.batch_norms else 1  # which can't do with one sample
    smaller = [
        *((count, trials, size) for count in range(processes - 1, 0, -1)),
        *((1, count, size) for count in range(trials - 1, 0, -1)),
        *((1, 1, size >> halvings) for halvings in range(1, (size // least).bit_length())),
    ]
    best = next((setting for setting in smaller if fit(*setting)), None)
    need = of_one(processes, trials, size) / GB
    sentence = (
        f"{task.model} with {trials * task.parts} lanes at batch size {size} needs about "
        f"{need:.1f} GB a process, and {free / GB:.1f} GB are free"
    )
    if best is None:
        table = smaller_table(config)
        raise UsageError(f"{sentence}: {table}use a smaller model, or --holdout for a lane a trial")
    jobs, fitting, batch = best
    raise UsageError(
        f"{sentence}: the largest setting that fits is --jobs {jobs * devices} --open {fitting} "
        f"--batch-size {batch}{smaller_entries(config)}"
    )
