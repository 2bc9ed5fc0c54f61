"""The keys of dropout masks: random numbers by stream, partition and batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vrtune.chains.noise import mixed
from vrtune.gradients.keyed import KEY, words
from vrtune.gradients.oracle import Buffers
from vrtune.lanes.keys import key


class Masks:
    """Keys of the batches of an epoch, on the device: a captured step reads them.

    A batch keeps its mask from a snapshot to the next, as samples keep their views: mu~ is then the
    mean of exactly the gradients that are subtracted. Without snapshots they are fresh each epoch.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.steps = self.snapshots = torch.empty(0, dtype=torch.long, device=device)

    def begin_epoch(self, steps: Sequence[int], snapshots: Sequence[int]) -> None:
        """Takes a key for each lane, of its steps and of its snapshot: in place if none is new."""
        drawn = torch.tensor([steps, snapshots], device=self.device)
        if drawn.shape[1] != len(self.steps):
            self.steps, self.snapshots = drawn
        else:
            self.steps.copy_(drawn[0])
            self.snapshots.copy_(drawn[1])

    def on_step(self, buffers: Buffers, index: Tensor) -> None:
        """Writes the keys of batches index [L, B] into the buffers of all lanes."""
        if KEY in buffers:
            buffers[KEY].copy_(self.names(index))

    def names(self, index: Tensor) -> Tensor:
        """A key of 32-bit numbers [L, 2] for every lane's batch of entries index [L, B]."""
        return _keys(self.steps, index)

    def off_step(self, buffers: Buffers, index: Tensor, rows: Tensor | None = None) -> Buffers:
        """The buffer of keys at other points, of some `rows` [r] or all; none if there is none."""
        if KEY not in buffers:
            return {}
        return {KEY: _keys(self.snapshots if rows is None else self.snapshots[rows], index)}


def write_keys(buffers: Buffers, rows: list[int], names: Sequence[tuple[object, ...]]) -> None:
    """Writes keys by name into some rows of the buffers."""
    if KEY in buffers:
        keys = torch.tensor([key(*name) for name in names])
        buffers[KEY][rows] = words(keys).to(buffers[KEY].device)


def _keys(lanes: Tensor, index: Tensor) -> Tensor:
    """Of keys [r] of lanes, and the first entries of their batches [r, B]: [r, 2] of 32 bits."""
    h = lanes ^ (index[:, 0] + 1) * -7046029254386353131
    return words(mixed(h))
