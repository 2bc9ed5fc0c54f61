"""Average pooling that a CPU does fast."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn


class AveragePool2(nn.Module):
    """2x2 average pooling, stride 2, as a product with a constant matrix.

    The same values as nn.AvgPool2d(2) up to rounding, which on one CPU thread is among the
    slowest layers of LeNet.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H // 2, W // 2]; an odd last row or column is left out."""
        b, c, h, w = (x.shape[0], x.shape[1], x.shape[2] // 2, x.shape[3] // 2)
        pairs = x[:, :, : 2 * h, : 2 * w].reshape(-1, 4 * w)  # two rows of 2w side by side
        return (pairs @ _quarters(w, x.dtype, x.device)).view(b, c, h, w)


class TanhPool2(nn.Sequential):
    """tanh and `AveragePool2`: one layer, as lanes on a CPU compute them in one loop."""

    def __init__(self) -> None:
        super().__init__(nn.Tanh(), AveragePool2())


@lru_cache
def _quarters(w: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """[4w, w]: column j takes a quarter of entries 2j and 2j + 1 of both rows."""
    return torch.eye(w, dtype=dtype, device=device).repeat_interleave(2, 0).repeat(2, 1) / 4
