"""How lanes do on data: by what they are judged by, elsewhere, and a sample at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vrtune.lanes.evaluate import Judged, evaluate, mean_losses

if TYPE_CHECKING:
    from vrtune.lanes.train import Lanes

Data = tuple[Tensor, Tensor]  # x and y


def judge(lanes: Lanes, rows: list[int], data: Data, index: Tensor) -> Judged:
    """How these rows do on data at `index` [r, m], by the weights that they are judged by."""
    streams = [lanes.seats[row].stream for row in rows]
    W, buffers, shares = lanes.rows.judged(), lanes.rows.judged_buffers(), lanes.rows.shares()
    parts = lanes.rows.parts(len(rows))
    if len(rows) < len(lanes.seats):
        W, buffers = [w[rows] for w in W], {name: b[rows] for name, b in buffers.items()}
        shares = None if shares is None else shares[rows]
    return evaluate(lanes.oracle, W, buffers, streams, data, index, parts, lanes.objective, shares)


def potential(lanes: Lanes, W: Tensor) -> Tensor:
    """The mean loss [L] at weights W [L, P] over each lane's whole training part, in eval mode."""
    index = torch.stack([lane.stream.train for lane in lanes.seats]).to(lanes.device)
    return _losses(lanes, W, lanes.data, index)


def losses_of_samples(lanes: Lanes, data: Data, index: Tensor) -> Tensor | None:
    """The mean losses [L, m] of each sample of a posterior that all lanes have kept, the oldest
    first, over data at `index` [n]; None of lanes that sample none."""
    kept = lanes.rows.optimizer.kept()
    if not kept:
        return None
    every = index.to(lanes.device).expand(len(lanes.seats), -1)
    return torch.stack([_losses(lanes, W, data, every) for W in kept], 1)


def _losses(lanes: Lanes, W: Tensor, data: Data, index: Tensor) -> Tensor:
    streams = [lane.stream for lane in lanes.seats]
    parts = lanes.rows.parts(len(W))
    buffers = lanes.rows.judged_buffers()
    return mean_losses(lanes.oracle, W, buffers, streams, data, index, parts, lanes.objective)
