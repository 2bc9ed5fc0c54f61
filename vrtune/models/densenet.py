"""Densely connected nets: Huang, Liu, van der Maaten & Weinberger, CVPR 2017.

All here are of the kind DenseNet-BC: a 1x1 bottleneck of four times the growth before every 3x3
convolution, and transitions that halve the number of feature planes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vrtune.errors import UsageError
from vrtune.models.convolution import convolution
from vrtune.models.norms import norm2d


def densenet40(shape: tuple[int, int, int], classes: int, norm: str) -> nn.Module:
    """CIFAR DenseNet-BC, depth 40, growth 36: three blocks of 6 layers; 1,542,682 parameters.

    Counted at 3x32x32, 10 classes, batch norm. 3x3 stem of 72 planes (twice the growth).

    Defazio & Bottou give growth rate 36, depth 40 and "approximately 1.5 million parameters",
    which is this variant, and the one in their code. Without bottleneck and compression the same
    depth and growth make 8.6 million (16-plane stem) to 9.4 million (72).
    """
    _at_least(4, shape, "densenet40", "resnet18")
    growth = 36
    stem = convolution(shape[0], 2 * growth, 3, norm)
    return DenseNet(stem, 2 * growth, growth, (6, 6, 6), classes, norm)


def densenet169(shape: tuple[int, int, int], classes: int, norm: str) -> nn.Module:
    """ImageNet DenseNet-169, growth 32, blocks [6, 12, 32, 32]; 14,149,480 parameters.

    Counted at 3 channels, 1000 classes, batch norm. 7x7 stem of stride 2 and 3x3 max pooling.
    """
    _at_least(29, shape, "densenet169", "densenet40")
    planes = 64
    stem = nn.Sequential(
        convolution(shape[0], planes, 7, norm, stride=2),
        norm2d(norm, planes),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
    )
    return DenseNet(stem, planes, 32, (6, 12, 32, 32), classes, norm)


class DenseNet(nn.Module):
    """stem - dense blocks with a transition between each two - norm - ReLU - mean - linear."""

    def __init__(
        self,
        stem: nn.Module,
        planes: int,
        growth: int,
        blocks: Sequence[int],
        classes: int,
        norm: str,
    ) -> None:
        """`planes` is what the stem puts out, `blocks` the number of layers in each block."""
        super().__init__()
        layers = [stem]
        for i, depth in enumerate(blocks):
            if i:
                layers.append(_transition(planes, planes // 2, norm))
                planes //= 2
            for _ in range(depth):
                layers.append(DenseLayer(planes, growth, norm))
                planes += growth
        self.features = nn.Sequential(*layers, norm2d(norm, planes), nn.ReLU())
        self.classifier = nn.Linear(planes, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, classes]."""
        return self.classifier(self.features(x).mean((2, 3)))


class DenseLayer(nn.Module):
    """Its input, and `growth` new planes made of it."""

    def __init__(self, inputs: int, growth: int, norm: str) -> None:
        super().__init__()
        self.new = nn.Sequential(
            norm2d(norm, inputs),
            nn.ReLU(),
            convolution(inputs, 4 * growth, 1, norm),
            norm2d(norm, 4 * growth),
            nn.ReLU(),
            convolution(4 * growth, growth, 3, norm),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C + growth, H, W]."""
        return torch.cat([x, self.new(x)], 1)


def _transition(inputs: int, outputs: int, norm: str) -> nn.Sequential:
    return nn.Sequential(
        norm2d(norm, inputs), nn.ReLU(), convolution(inputs, outputs, 1, norm), nn.AvgPool2d(2)
    )


def _at_least(side: int, shape: tuple[int, int, int], name: str, instead: str) -> None:
    """Smaller images would be pooled away."""
    _, height, width = shape
    if min(height, width) < side:
        raise UsageError(
            f"{name} needs images of at least {side}x{side}, not {height}x{width}: "
            f"use --model {instead}"
        )
