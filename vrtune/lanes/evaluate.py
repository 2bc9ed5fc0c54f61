"""Loss and metrics of all lanes, in large batches and without gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from vrtune.gradients.oracle import Buffers, Oracle, joined
from vrtune.lanes.batches import Stream, normalisation, normalised, standards
from vrtune.objectives.objective import Objective

BATCH_BYTES = 64 * 2**20  # of input for all lanes together


class Judged(NamedTuple):
    """Mean loss [L], and every metric [L] by its name, of lanes over their samples."""

    loss: Tensor
    metrics: dict[str, Tensor]


def evaluate(
    oracle: Oracle,
    W: Sequence[Tensor],
    buffers: Buffers,
    streams: list[Stream],
    data: tuple[Tensor, Tensor],
    index: Tensor,
    parts: list[slice],
    objective: Objective,
    shares: Tensor | None = None,
) -> Judged:
    """How every lane does on its samples, by the mean prediction of its weights W, each [L, P], of
    which each has its share [L, len(W)].

    `data` is x [N, C, H, W] and y [N]; `index` [L, m] says which samples each lane is judged on;
    the lanes of a part are computed at once. Metrics of numbers are in the units of y, their loss
    in those that lanes learn.
    """
    x, y = data
    lanes, m = index.shape
    chunk = max(1, min(512, BATCH_BYTES // (4 * lanes * x[0].numel())))
    scale, shift = normalisation(streams, x)
    y_scale, y_shift = standards(streams, y)
    exact = torch.float32 if x.device.type == "mps" else torch.float64  # MPS has no float64
    loss = torch.zeros(lanes, dtype=exact, device=x.device)
    seen = []
    for start in range(0, m, chunk):
        part = index[:, start : start + chunk]
        batch = normalised(x, part, scale, shift)
        outputs = [_outputs(oracle, w, buffers, batch, parts) for w in W]
        mean = mixed(outputs, objective, shares)
        target = y[part]
        learned = target * y_scale - y_shift if objective.numbers else target
        each = objective.each(mean.flatten(0, 1), learned.flatten())
        loss += each.view(target.shape).to(exact).sum(1)
        if objective.numbers:
            mean = (mean + y_shift.unsqueeze(2)) / y_scale.unsqueeze(2)
        seen.append(mean if objective.whole else objective.predictions(mean))
    targets = y[index]
    return Judged(loss / m, objective.judge(torch.cat(seen, 1), targets))


def mean_losses(
    oracle: Oracle,
    W: Tensor,
    buffers: Buffers,
    streams: list[Stream],
    data: tuple[Tensor, Tensor],
    index: Tensor,
    parts: list[slice],
    objective: Objective,
) -> Tensor:
    """The mean losses [L] of weights W [L, P], as `evaluate` finds them, without any metric."""
    bare = replace(objective, metrics={}, own={})
    return evaluate(oracle, [W], buffers, streams, data, index, parts, bare).loss


def mixed(outputs: Sequence[Tensor], objective: Objective, shares: Tensor | None = None) -> Tensor:
    """The outputs [L, B, k] of a mean prediction: the log of the mean probabilities, or the mean of
    numbers. Each has its share [L, len(outputs)]; what has none may be anything."""
    if len(outputs) == 1:
        return outputs[0]
    if shares is None:
        shares = outputs[0].new_full((len(outputs[0]), len(outputs)), 1 / len(outputs))
    share = shares.to(outputs[0]).t()[:, :, None, None]
    if objective.numbers:
        each = torch.stack(list(outputs))
        return torch.where(share > 0, share * each, 0).sum(0)
    logs = torch.stack([each.log_softmax(2) for each in outputs])
    return torch.where(share > 0, logs + share.log(), -math.inf).logsumexp(0)


def _outputs(
    oracle: Oracle, W: Tensor, buffers: Buffers, batch: Tensor, parts: list[slice]
) -> Tensor:
    return joined([oracle.logits(W[p], _of(buffers, p), batch[p]) for p in parts])


def _of(buffers: Buffers, rows: slice) -> Buffers:
    return {name: b[rows] for name, b in buffers.items()}
