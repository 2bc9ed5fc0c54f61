"""Initialisations on the rows of lanes, and the noise and the losses that they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vrtune.gradients.precision import computed_in
from vrtune.gradients.smooth import SmoothNorms
from vrtune.inits import INITS
from vrtune.inits.base import Losses
from vrtune.lanes.batches import Stream
from vrtune.lanes.keys import generator
from vrtune.lanes.rows import Lane

if TYPE_CHECKING:
    from vrtune.lanes.train import Lanes


def initialise(lanes: Lanes, rows: list[int], fresh: list[Lane]) -> None:
    """Runs the init of every fresh lane on its row; batch-norm statistics stay as they are."""
    for kind in sorted({lane.config.init.kind for lane in fresh}):
        chosen = [i for i, lane in enumerate(fresh) if lane.config.init.kind == kind]
        _start(lanes, kind, [rows[i] for i in chosen], [fresh[i] for i in chosen])


def _start(lanes: Lanes, kind: str, rows: list[int], fresh: list[Lane]) -> None:
    W = lanes.rows.W[rows]
    parameters = list(lanes.rows.layout.views(W).values())
    hp = {name: value[rows] for name, value in lanes.rows.hp["init"].items()}

    def probe(step: int) -> tuple[Tensor, Tensor]:
        return noise(lanes, [lane.stream for lane in fresh], step)

    with computed_in("float32", lanes.device):
        INITS[kind].start(parameters, hp, smooth_losses(lanes, rows), probe)
    lanes.rows.W[rows] = W
    for lane in fresh:
        lane.gradient_computations += INITS[kind].spent(lane.config.init)


def smooth_losses(lanes: Lanes, rows: list[int]) -> Losses:
    """Losses of rows as a graph that has derivatives of every order."""

    def losses(leaves: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        copies = {name: b[rows] for name, b in lanes.rows.buffers.items()}
        with SmoothNorms():
            return lanes.oracle.losses(leaves, copies, x, y)

    return losses


def noise(lanes: Lanes, streams: list[Stream], step: int) -> tuple[Tensor, Tensor]:
    """A batch of N(0, 1) inputs [r, B, C, H, W] and uniform labels [r, B], keyed by stream."""
    generators = [generator(*stream.key(step, "noise")) for stream in streams]
    shape = (lanes.batch_size, *lanes.data[0].shape[1:])
    x = torch.stack([torch.randn(shape, generator=g) for g in generators])
    y = [torch.randint(lanes.classes, (lanes.batch_size,), generator=g) for g in generators]
    return x.to(lanes.rows.W), torch.stack(y).to(lanes.device)
