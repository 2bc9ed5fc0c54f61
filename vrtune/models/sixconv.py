"""El Hanchi's six-convolution net."""

from __future__ import annotations

from torch import Tensor, nn

from vrtune.models.convolution import convolution
from vrtune.models.norms import norm2d

WIDTHS = (16, 16, 16, 8, 8, 8)


class SixConv(nn.Module):
    """Six 3x3 convolutions (16, 16, 16/2, 8, 8, 8/2), ReLU, linear; 12,546 parameters at 3x32x32.

    Counted without norm, 10 classes; 11,058 at 1x28x28. The third and the sixth convolution have
    stride 2 and nothing pools, so images of any size will do. The paper says six convolutions and
    ReLU; widths and strides are those of the notebooks it points to (Aelhanchi/torch_vr), where
    however the last class's logit is fixed at 1: here every class has its own. It had no norm
    layers; where asked for they stand between every convolution and its ReLU.

    References: El Hanchi, "Time and memory efficient variance reduced optimization and sampling
    for deep learning", section 4.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, norm: str) -> None:
        super().__init__()
        inputs, height, width = shape
        layers: list[nn.Module] = []
        for i, outputs in enumerate(WIDTHS):
            stride = 2 if i % 3 == 2 else 1
            layers += [convolution(inputs, outputs, 3, norm, stride), norm2d(norm, outputs)]
            layers += [nn.ReLU()]
            inputs = outputs
        self.convolutions = nn.Sequential(*layers)
        self.classifier = nn.Linear(inputs * _after(height) * _after(width), classes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, classes]."""
        return self.classifier(self.convolutions(x).flatten(1))


def _after(size: int) -> int:
    """A side's length after both strides: a quarter, rounded up."""
    return -(-size // 4)
