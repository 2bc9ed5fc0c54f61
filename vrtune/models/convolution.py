"""The convolution that every deep net here is made of."""

from __future__ import annotations

from torch import nn


def convolution(inputs: int, outputs: int, size: int, norm: str, stride: int = 1) -> nn.Conv2d:
    """size x size; at stride 1 the map keeps its sides. No bias where batch norm subtracts it."""
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=norm != "batch")
