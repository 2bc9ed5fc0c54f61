"""How lanes are trained: fused or looped, and how many of them at once.

A rule on the model, the task and the device, with no clock in it: two runs choose the same.
"""

from __future__ import annotations

from typing import Literal

from vrtune.config import Settings
from vrtune.errors import UsageError
from vrtune.gradients.choice import pays, why_not_fused
from vrtune.lanes.initialise import check_init
from vrtune.lanes.memory import fits
from vrtune.lanes.workspace import Workspace
from vrtune.trial_config import TrialConfig

Fuse = Literal["auto", "on", "off"]
Way = Literal["looped", "fused"]


class Plan(Settings):
    """How a process trains."""

    way: Way
    lanes: int  # at once
    most: int | None = None  # rows of one gradient; None: all
    text: str  # the same for people
    note: str = ""  # a sentence on what a model keeps from being fused

    @property
    def fused(self) -> bool:
        """All lanes in one gradient."""
        return self.way == "fused"


def plan(
    workspace: Workspace,
    config: TrialConfig,
    fuse: Fuse,
    lanes: int,
    *,
    at_once: int | None = None,
    processes: int = 1,
) -> Plan:
    """The way to train so many lanes like `config`, at most `at_once` in one gradient and no more
    than fit the memory, which so many processes share. UsageError if it is not to be had."""
    way, note = _chosen(workspace, fuse)
    check_init(workspace, config, fused=way == "fused")
    if way == "looped":
        return _looped(lanes, note)
    together = min(lanes, at_once or lanes)

    def too_many(count: int) -> bool:
        most = _most(count, lanes)
        return not fits(workspace, config, lanes, processes, fused=True, most=most)

    while together > 1 and too_many(together):
        together //= 2
    if fuse == "auto" and too_many(together):
        return _looped(lanes)
    text = f"one gradient for {_count(together)} at once"
    return Plan(way="fused", lanes=together, most=_most(together, lanes), text=text)


def choose(workspace: Workspace, fuse: Fuse) -> Way:
    """Fused or looped. UsageError if fused ones are asked for and can't be had."""
    return _chosen(workspace, fuse)[0]


def _chosen(workspace: Workspace, fuse: Fuse) -> tuple[Way, str]:
    """The same, and why a model that would gain from it can't be fused."""
    task = workspace.task
    if task.precision == "bfloat16" and (
        workspace.device.type == "cpu"  # whose batched convolution ignores autocast
        or workspace.batch_norms  # PyTorch's batched one takes no statistics in float32
    ):
        if fuse == "on":
            raise UsageError(
                "bfloat16 can't be fused on a CPU, nor with batch norm: use --fuse off"
            )
        return "looped", ""
    if fuse == "off":
        return "looped", ""
    module, device, shape = workspace.make(), workspace.device, workspace.dataset.shape
    products = workspace.size.products * task.batch_size
    if fuse == "auto" and not pays(module, device, products, shape):
        return "looped", ""
    why = why_not_fused(module, shape)
    if not why:
        return "fused", ""
    if fuse == "on":
        raise UsageError(f"{task.model} can't be fused, as {why}: use --fuse off")
    return "looped", f"{task.model} can't be fused, as {why}: its trainings take turns at each step"


def _most(together: int, lanes: int) -> int | None:
    return together if together < lanes else None


def _looped(lanes: int, note: str = "") -> Plan:
    text = f"a gradient for each of {_count(lanes)}"
    return Plan(way="looped", lanes=lanes, text=text, note=note)


def _count(lanes: int) -> str:
    return f"{lanes} training{'s' * (lanes > 1)}"
