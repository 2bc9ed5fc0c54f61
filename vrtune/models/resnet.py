"""Residual nets: He, Zhang, Ren & Sun, "Deep residual learning for image recognition", 2015.

Without norm the residual sums stay as they are: no scaling, no other initialisation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from vrtune.models.convolution import convolution
from vrtune.models.norms import norm2d

# (inputs, outputs, stride, norm) -> module
Block = Callable[[int, int, int, str], nn.Module]


def resnet18(shape: tuple[int, int, int], classes: int, norm: str) -> nn.Module:
    """CIFAR ResNet-18: basic blocks [2, 2, 2, 2], widths 64 to 512; 11,173,962 parameters.

    Counted at 3 channels, 10 classes, batch norm. 3x3 stem, 1x1 projections as shortcuts.
    """
    stem = _cifar_stem(shape[0], 64, norm)
    return ResNet(stem, 64, basic, (64, 128, 256, 512), (2, 2, 2, 2), classes, norm)


def resnet101(shape: tuple[int, int, int], classes: int, norm: str) -> nn.Module:
    """CIFAR ResNet-101: bottlenecks [3, 4, 23, 3], expansion 4; 42,697,380 parameters.

    Counted at 3 channels, 100 classes, batch norm. 3x3 stem, 1x1 projections as shortcuts.
    """
    stem = _cifar_stem(shape[0], 64, norm)
    return ResNet(stem, 64, bottleneck, (256, 512, 1024, 2048), (3, 4, 23, 3), classes, norm)


def resnet110(shape: tuple[int, int, int], classes: int, norm: str) -> nn.Module:
    """CIFAR ResNet-110: 6n + 2 layers, n = 18, widths 16, 32, 64; 1,727,962 parameters.

    Counted at 3 channels, 10 classes, batch norm. Shortcuts are identities, subsampled and padded
    with zero planes where the width grows (option A of the paper's section 4.2), so they hold no
    parameters. The 1,730,714 one also meets counts two 1x1 projections with batch norm (option B);
    the code of Defazio & Bottou, who say 1.7 million, has projections and pre-activation.
    """
    stem = _cifar_stem(shape[0], 16, norm)
    return ResNet(stem, 16, padded, (16, 32, 64), (18, 18, 18), classes, norm)


def resnet18_small(shape: tuple[int, int, int], classes: int, norm: str) -> nn.Module:
    """Defazio & Bottou's small ResNet: widths 8, 16, 32, three blocks each; 68,642 parameters.

    Counted at 3 channels, 10 classes, batch norm. The paper (NeurIPS 2019) calls it "a ResNet-18,
    scaled down [...] by halving the number of feature planes at each layer", of "approximately 69
    thousand parameters". Their code (facebookresearch/deep-variance-reduction) has what is built
    here: the CIFAR net's three stages at half its widths, with three pre-activation blocks each
    (20 layers), 1x1 projections without norm, and no norm after the last sum. Halving ResNet-18
    itself gives 176,402 (from 8 planes) or 44,622 (from 4).
    """
    stem = _cifar_stem(shape[0], 8, norm)
    return ResNet(stem, 8, PreActivation, (8, 16, 32), (3, 3, 3), classes, norm)


def resnet50(shape: tuple[int, int, int], classes: int, norm: str) -> nn.Module:
    """ImageNet ResNet-50: bottlenecks [3, 4, 6, 3], expansion 4; 25,557,032 parameters.

    Counted at 3 channels, 1000 classes, batch norm. 7x7 stem of stride 2 and 3x3 max pooling.
    """
    stem = nn.Sequential(
        convolution(shape[0], 64, 7, norm, stride=2),
        norm2d(norm, 64),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
    )
    return ResNet(stem, 64, bottleneck, (256, 512, 1024, 2048), (3, 4, 6, 3), classes, norm)


class ResNet(nn.Module):
    """stem - stages of blocks, the map halved from stage to stage - mean over the map - linear."""

    def __init__(
        self,
        stem: nn.Module,
        planes: int,
        block: Block,
        widths: Sequence[int],
        depths: Sequence[int],
        classes: int,
        norm: str,
    ) -> None:
        """`planes` is what the stem puts out, `widths` what the blocks of each stage do."""
        super().__init__()
        blocks = []
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for i in range(depth):
                stride = 2 if stage > 0 and i == 0 else 1
                blocks.append(block(planes, width, stride, norm))
                planes = width
        self.stem = stem
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(planes, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, classes]."""
        return self.classifier(self.blocks(self.stem(x)).mean((2, 3)))


def _cifar_stem(channels: int, planes: int, norm: str) -> nn.Sequential:
    return nn.Sequential(convolution(channels, planes, 3, norm), norm2d(norm, planes), nn.ReLU())


# ---- blocks ------------------------------------------------------------------------------------


class Residual(nn.Module):
    """relu(body(x) + shortcut(x))."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H / stride, W / stride], rounded up."""
        return F.relu(self.body(x) + self.shortcut(x))


def basic(inputs: int, outputs: int, stride: int, norm: str) -> nn.Module:
    """Two 3x3 convolutions; a projection where the shape changes."""
    return Residual(
        _two_convolutions(inputs, outputs, stride, norm), _projection(inputs, outputs, stride, norm)
    )


def padded(inputs: int, outputs: int, stride: int, norm: str) -> nn.Module:
    """Two 3x3 convolutions; zero planes where the shape changes."""
    return Residual(
        _two_convolutions(inputs, outputs, stride, norm), ZeroPlanes(outputs - inputs, stride)
    )


def bottleneck(inputs: int, outputs: int, stride: int, norm: str) -> nn.Module:
    """1x1, 3x3 with the stride, 1x1, the first two a quarter as wide; projected like `basic`."""
    narrow = outputs // 4
    body = nn.Sequential(
        convolution(inputs, narrow, 1, norm),
        norm2d(norm, narrow),
        nn.ReLU(),
        convolution(narrow, narrow, 3, norm, stride),
        norm2d(norm, narrow),
        nn.ReLU(),
        convolution(narrow, outputs, 1, norm),
        norm2d(norm, outputs),
    )
    return Residual(body, _projection(inputs, outputs, stride, norm))


class PreActivation(nn.Module):
    """h = relu(norm(x)); body(h) + shortcut: x, or h projected where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: str) -> None:
        super().__init__()
        self.activation = nn.Sequential(norm2d(norm, inputs), nn.ReLU())
        self.body = _two_convolutions(inputs, outputs, stride, norm)[:-1]  # the sum has no norm
        changes = stride != 1 or inputs != outputs
        self.projection = convolution(inputs, outputs, 1, norm, stride) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H / stride, W / stride], rounded up."""
        h = self.activation(x)
        return self.body(h) + (x if self.projection is None else self.projection(h))


class ZeroPlanes(nn.Module):
    """Every stride-th pixel, and `extra` planes of zeros behind."""

    def __init__(self, extra: int, stride: int) -> None:
        super().__init__()
        self.extra = extra
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C + extra, H / stride, W / stride], rounded up."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))


def _two_convolutions(inputs: int, outputs: int, stride: int, norm: str) -> nn.Sequential:
    return nn.Sequential(
        convolution(inputs, outputs, 3, norm, stride),
        norm2d(norm, outputs),
        nn.ReLU(),
        convolution(outputs, outputs, 3, norm),
        norm2d(norm, outputs),
    )


def _projection(inputs: int, outputs: int, stride: int, norm: str) -> nn.Module:
    """The shortcut itself where nothing changes."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(convolution(inputs, outputs, 1, norm, stride), norm2d(norm, outputs))
