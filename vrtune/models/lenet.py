"""LeNet-5 as the source project trained it: tanh and average pooling."""

from __future__ import annotations

from torch import Tensor, nn

from vrtune.errors import UsageError
from vrtune.models.norms import norm1d, norm2d


class LeNet(nn.Module):
    """conv 6 - pool - conv 16 - pool - linear 120 - 84 - classes; 61,706 parameters at 1x28x28.

    Norm layers, where asked for, stand between every hidden layer and its tanh. Batch norm
    subtracts any bias before it, so those layers have none. Nothing is dropped behind the linear
    layers, unless a penalty says how much.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, norm: str) -> None:
        super().__init__()
        channels, height, width = shape
        bias = norm != "batch"
        features = 16 * _after(height) * _after(width)
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, 6, 5, padding=2, bias=bias),
            norm2d(norm, 6),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5, bias=bias),
            norm2d(norm, 16),
            nn.Tanh(),
            nn.AvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(features, 120, bias=bias),
            norm1d(norm, 120),
            nn.Sequential(nn.Tanh(), nn.Dropout(0.0)),  # --penalty dropout sets it
            nn.Linear(120, 84, bias=bias),
            norm1d(norm, 84),
            nn.Sequential(nn.Tanh(), nn.Dropout(0.0)),
            nn.Linear(84, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, classes]."""
        return self.classifier(self.convolutions(x).flatten(1))


def _after(size: int) -> int:
    """A side's length after both convolutions and poolings."""
    left = (size // 2 - 4) // 2
    if left < 1:
        raise UsageError(
            f"lenet needs images of at least 12x12, not {size}: use --model mlp, or tabular for a "
            "table"
        )
    return left
