"""Mean and standard deviation a channel, with which images are normalised; of a table, a column."""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 4096  # samples copied at a time,
WIDE = 2**24  # and of a table no more than so many values


def statistics(x: Tensor, indices: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean [C] and standard deviation [C] of `x` [N, C, H, W], or of its samples `indices`.

    Of the scaled values (uint8/255, float as it is), over samples and pixels, in float64, as
    float32 on the device of `x`. The deviation is the population's; that of a constant channel
    is 1.
    """
    rows = torch.arange(len(x), device=x.device) if indices is None else indices.to(x.device)
    table = x[0, 0].numel() == 1
    chunks = rows.split(max(1, min(CHUNK, WIDE // x.shape[1])) if table else CHUNK)
    mean, std = _of_bytes(x, chunks) if x.dtype == torch.uint8 else _of_floats(x, chunks)
    std = torch.where(std > 0, std, 1.0)
    return mean.float().to(x.device), std.float().to(x.device)


def target_statistics(y: Tensor, indices: Tensor) -> tuple[float, float]:
    """What targets y [N] are scaled and shifted by, y * scale - shift, to have mean 0 and standard
    deviation 1 over the samples `indices`; labels are left alone."""
    if not y.is_floating_point():
        return 1.0, 0.0
    some = y[indices].double()
    std = float(some.std(unbiased=False)) or 1.0
    return 1 / std, float(some.mean()) / std


def _of_bytes(x: Tensor, chunks: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Exact, from how often each of the 256 values occurs in each channel."""
    channels = x.shape[1]
    counts = torch.zeros(channels, 256, dtype=torch.int64, device=x.device)
    for rows in chunks:
        for channel in range(channels):
            counts[channel] += x[rows, channel].flatten().bincount(minlength=256)
    weights = counts.cpu().double()
    values = torch.arange(256, dtype=torch.float64)
    n = weights.sum(1)
    mean = weights @ values / n
    variance = (weights * (values - mean[:, None]).square()).sum(1) / n
    return mean / 255, variance.sqrt() / 255


def _of_floats(x: Tensor, chunks: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Two passes; values are taken from the first pixel on, so that a constant gives exactly 0."""
    origin = x[chunks[0][0], :, 0, 0].cpu().double()[:, None]

    def shifted(rows: Tensor) -> Tensor:
        return x[rows].transpose(0, 1).flatten(1).cpu().double() - origin

    n = sum(len(rows) for rows in chunks) * x[0, 0].numel()
    mean = torch.stack([shifted(rows).sum(1) for rows in chunks]).sum(0) / n
    squares = [(shifted(rows) - mean[:, None]).square().sum(1) for rows in chunks]
    return mean + origin[:, 0], (torch.stack(squares).sum(0) / n).sqrt()
