"""LeNet-5 as Defazio & Bottou trained it: ReLU and max pooling."""

from __future__ import annotations

from torch import Tensor, nn

from vrtune.errors import UsageError
from vrtune.models.norms import norm1d, norm2d

SMALLEST = 16


class LeNetReLU(nn.Module):
    """LeNet-5 with ReLU, max pooling and no padding; 62,006 parameters at 3x32x32.

    conv 6 5x5 - max-pool - conv 16 5x5 - max-pool - linear 120 - 84 - classes, a norm layer, where
    asked for, between every hidden layer and its ReLU; counted without norm, 10 classes. Batch
    norm subtracts any bias before it, so those layers have none.

    References: Defazio & Bottou, "On the ineffectiveness of variance reduced optimization for deep
    learning", NeurIPS 2019 ("approximately 62 thousand parameters").
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, norm: str) -> None:
        super().__init__()
        channels, height, width = shape
        if min(height, width) < SMALLEST:
            raise UsageError(
                f"lenet-relu needs images of at least {SMALLEST}x{SMALLEST}, not {height}x{width}: "
                "use --model sixconv"
            )
        bias = norm != "batch"
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, 6, 5, bias=bias),
            norm2d(norm, 6),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5, bias=bias),
            norm2d(norm, 16),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(16 * _after(height) * _after(width), 120, bias=bias),
            norm1d(norm, 120),
            nn.ReLU(),
            nn.Linear(120, 84, bias=bias),
            norm1d(norm, 84),
            nn.ReLU(),
            nn.Linear(84, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, classes]."""
        return self.classifier(self.convolutions(x).flatten(1))


def _after(size: int) -> int:
    """A side's length after both convolutions and poolings."""
    return ((size - 4) // 2 - 4) // 2
