"""Augmentation on the device: pad 4, random crop, random flip."""

from __future__ import annotations

import torch
from torch import Tensor

PAD = 4
SHIFTS = 2 * PAD + 1
VIEWS = SHIFTS * SHIFTS * 2  # a view of an image: where the crop begins, and whether it is flipped


def draw_views(n: int, generator: torch.Generator) -> Tensor:
    """A view for each of n samples, int64 [n] in 0 .. VIEWS - 1."""
    return torch.randint(VIEWS, (n,), generator=generator)


def pad(x: Tensor) -> Tensor:
    """x [N, C, H, W] with a black margin, as torchvision's RandomCrop(padding=4) makes it."""
    return torch.nn.functional.pad(x, (PAD, PAD, PAD, PAD))


def cropped(padded: Tensor, sample: Tensor, view: Tensor) -> Tensor:
    """Views [..., B, C, H, W] of samples [..., B] of `padded` [N, C, H + 8, W + 8].

    view = (row shift * 9 + column shift) * 2 + flipped.
    """
    channels, height, width = padded.shape[1], padded.shape[2] - 2 * PAD, padded.shape[3] - 2 * PAD
    flipped, shift = view % 2, view // 2
    down, right = shift // SHIFTS, shift % SHIFTS
    rows = torch.arange(height, device=padded.device) + down[..., None]  # [..., B, H]
    columns = torch.arange(width, device=padded.device).expand(*view.shape, width)
    columns = torch.where(flipped[..., None] > 0, width - 1 - columns, columns) + right[..., None]
    at = sample[..., None, None, None]
    channel = torch.arange(channels, device=padded.device)[:, None, None]
    return padded[at, channel, rows[..., None, :, None], columns[..., None, None, :]]
