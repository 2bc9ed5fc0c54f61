"""Initialisations on the rows of lanes, and the noise and the losses that they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vrtune.errors import UsageError, told
from vrtune.gradients.fused import Fused
from vrtune.gradients.looped import Looped
from vrtune.gradients.precision import computed_in
from vrtune.inits import Init, Losses
from vrtune.inits.metainit import MetaInit, gradient_quotient
from vrtune.inits.smooth import SmoothNorms
from vrtune.lanes.batches import Stream
from vrtune.lanes.keys import generator
from vrtune.lanes.masks import write_keys
from vrtune.lanes.rows import Lane
from vrtune.own.objects import is_object
from vrtune.trial_config import TrialConfig

if TYPE_CHECKING:
    from vrtune.lanes.train import Lanes
    from vrtune.lanes.workspace import Workspace


def initialise(lanes: Lanes, rows: list[int], fresh: list[Lane]) -> None:
    """Runs the init of every fresh lane on its row; batch-norm statistics stay as they are.

    Lanes whose inits differ in numbers alone are initialised at once, as many as train at once.
    """
    groups: dict[tuple[type[Init], str], list[int]] = {}
    for i, lane in enumerate(fresh):
        init = lane.config.init
        groups.setdefault((init.algorithm, repr(init.words())), []).append(i)
    for chosen in groups.values():
        for part in lanes.rows.parts(len(chosen)):
            _start(lanes, [rows[i] for i in chosen[part]], [fresh[i] for i in chosen[part]])


def _start(lanes: Lanes, rows: list[int], fresh: list[Lane]) -> None:
    inits = [lane.config.init for lane in fresh]
    algorithm: Init = inits[0].algorithm(**inits[0].words())
    algorithm.sources = [generator(*lane.stream.key("init")) for lane in fresh]
    W = lanes.rows.W[rows]
    parameters = list(lanes.rows.layout.views(W).values())
    columns = [init.numbers() for init in inits]
    hp = {name: W.new_tensor([column[name] for column in columns]) for name in columns[0]}

    def probe(step: int) -> tuple[Tensor, Tensor]:
        return noise(lanes, rows, [lane.stream for lane in fresh], step)

    with computed_in("float32", lanes.device):
        algorithm.start(parameters, hp, smooth_losses(lanes, rows), probe)
    lanes.rows.W[rows] = W
    for lane, init in zip(fresh, inits, strict=True):
        lane.gradient_computations += init.spent


def check_init(workspace: Workspace, config: TrialConfig, *, fused: bool) -> None:
    """UsageError where MetaInit can't differentiate a user's model as often as it must."""
    task, (c, h, w) = workspace.task, workspace.dataset.shape
    if not (is_object(task.model) and isinstance(config.init, MetaInit)):
        return
    way = Fused if fused else Looped
    oracle = way(workspace.make(), mean_loss=workspace.objective.mean)
    module = oracle.original
    buffers = {name: b.unsqueeze(0) for name, b in module.named_buffers()}
    leaves = [p.detach().unsqueeze(0).requires_grad_() for p in module.parameters()]
    y = torch.zeros(1, 3, dtype=torch.float32 if workspace.objective.numbers else torch.long)

    def losses(leaves: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        with SmoothNorms():
            return oracle.losses(leaves, buffers, x, y)

    try:
        x = torch.randn(1, 3, c, h, w, generator=generator("check"))
        quotient = gradient_quotient(leaves, losses, x, y, torch.full((1, 1), config.init.epsilon))
        torch.autograd.grad(quotient.sum(), leaves, allow_unused=True)
    except (RuntimeError, ValueError) as error:
        raise UsageError(
            f"init metainit takes derivatives of gradients, which {task.model} does not have "
            f"({told(error)}): use --init default"
        ) from error


def smooth_losses(lanes: Lanes, rows: list[int]) -> Losses:
    """Losses of rows as a graph that has derivatives of every order."""

    def losses(leaves: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        copies = {name: b[rows] for name, b in lanes.rows.buffers.items()}
        with SmoothNorms():
            return lanes.oracle.losses(leaves, copies, x, y)

    return losses


def noise(lanes: Lanes, rows: list[int], streams: list[Stream], step: int) -> tuple[Tensor, Tensor]:
    """A batch of N(0, 1) inputs [r, B, C, H, W] and uniform labels [r, B], or N(0, 1) targets where
    they are numbers, keyed by stream, as the dropout masks of the rows then are."""
    write_keys(lanes.rows.buffers, rows, [stream.key(step, "noise masks") for stream in streams])
    generators = [generator(*stream.key(step, "noise")) for stream in streams]
    shape = (lanes.batch_size, *lanes.data[0].shape[1:])
    x = torch.stack([torch.randn(shape, generator=g) for g in generators])
    size = (lanes.batch_size,)
    if lanes.objective.numbers:
        y = [torch.randn(size, generator=g) for g in generators]
    else:
        y = [torch.randint(lanes.classes, size, generator=g) for g in generators]
    return x.to(lanes.rows.W), torch.stack(y).to(lanes.device)
