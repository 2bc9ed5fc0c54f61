"""Loss and accuracy of all lanes, in large batches and without gradients."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vrtune.gradients.oracle import Buffers, Oracle, joined
from vrtune.lanes.batches import Stream, normalisation, normalised

BATCH_BYTES = 64 * 2**20  # of input for all lanes together


def evaluate(
    oracle: Oracle,
    W: Tensor,
    buffers: Buffers,
    streams: list[Stream],
    data: tuple[Tensor, Tensor],
    index: Tensor,
    parts: list[slice],
) -> tuple[Tensor, Tensor]:
    """Mean loss [L] and accuracy [L] of every lane over its samples.

    `data` is x [N, C, H, W] and y [N]; `index` [L, m] says which samples each lane is judged on;
    the lanes of a part are computed at once.
    """
    x, y = data
    lanes, m = index.shape
    chunk = max(1, min(512, BATCH_BYTES // (4 * lanes * x[0].numel())))
    scale, shift = normalisation(streams, x)
    exact = torch.float32 if W.device.type == "mps" else torch.float64  # MPS has no float64
    loss = torch.zeros(lanes, dtype=exact, device=W.device)
    correct = torch.zeros(lanes, dtype=torch.long, device=W.device)
    for start in range(0, m, chunk):
        part = index[:, start : start + chunk]
        batch = normalised(x, part, scale, shift)
        logits = joined([oracle.logits(W[p], _of(buffers, p), batch[p]) for p in parts])
        target = y[part]
        each = F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none")
        loss += each.view(target.shape).to(exact).sum(1)
        correct += (logits.argmax(2) == target).sum(1)
    return loss / m, correct.to(exact) / m


def _of(buffers: Buffers, rows: slice) -> Buffers:
    return {name: b[rows] for name, b in buffers.items()}
