"""Initialisations on the rows of lanes, and the noise and the losses that they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vrtune.gradients.precision import computed_in
from vrtune.gradients.smooth import SmoothNorms
from vrtune.inits import Init, Losses
from vrtune.lanes.batches import Stream
from vrtune.lanes.keys import generator
from vrtune.lanes.rows import Lane

if TYPE_CHECKING:
    from vrtune.lanes.train import Lanes


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
    W = lanes.rows.W[rows]
    parameters = list(lanes.rows.layout.views(W).values())
    columns = [init.numbers() for init in inits]
    hp = {name: W.new_tensor([column[name] for column in columns]) for name in columns[0]}

    def probe(step: int) -> tuple[Tensor, Tensor]:
        return noise(lanes, [lane.stream for lane in fresh], step)

    with computed_in("float32", lanes.device):
        algorithm.start(parameters, hp, smooth_losses(lanes, rows), probe)
    lanes.rows.W[rows] = W
    for lane, init in zip(fresh, inits, strict=True):
        lane.gradient_computations += init.spent


def smooth_losses(lanes: Lanes, rows: list[int]) -> Losses:
    """Losses of rows as a graph that has derivatives of every order."""

    def losses(leaves: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        copies = {name: b[rows] for name, b in lanes.rows.buffers.items()}
        with SmoothNorms():
            return lanes.oracle.losses(leaves, copies, x, y)

    return losses


def noise(lanes: Lanes, streams: list[Stream], step: int) -> tuple[Tensor, Tensor]:
    """A batch of N(0, 1) inputs [r, B, C, H, W] and uniform labels [r, B], or N(0, 1) targets where
    they are numbers, keyed by stream."""
    generators = [generator(*stream.key(step, "noise")) for stream in streams]
    shape = (lanes.batch_size, *lanes.data[0].shape[1:])
    x = torch.stack([torch.randn(shape, generator=g) for g in generators])
    size = (lanes.batch_size,)
    if lanes.objective.numbers:
        y = [torch.randn(size, generator=g) for g in generators]
    else:
        y = [torch.randint(lanes.classes, size, generator=g) for g in generators]
    return x.to(lanes.rows.W), torch.stack(y).to(lanes.device)
