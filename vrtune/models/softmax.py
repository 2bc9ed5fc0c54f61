"""Softmax regression: the convex case."""

from __future__ import annotations

from torch import Tensor, nn

from vrtune.models.norms import norm1d


class Softmax(nn.Module):
    """logits = norm(A x + b); with cross-entropy a convex problem when `norm` is none."""

    def __init__(self, shape: tuple[int, int, int], classes: int, norm: str) -> None:
        super().__init__()
        channels, height, width = shape
        bias = norm != "batch"  # batch norm would subtract it
        self.linear = nn.Linear(channels * height * width, classes, bias=bias)
        self.norm = norm1d(norm, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, classes]."""
        return self.norm(self.linear(x.flatten(1)))
