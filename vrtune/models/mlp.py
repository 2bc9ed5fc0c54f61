"""The multilayer perceptron."""

from __future__ import annotations

from torch import Tensor, nn

from vrtune.models.norms import norm1d

WIDTHS = (128, 128)


class MLP(nn.Module):
    """linear 128 - ReLU - linear 128 - ReLU - linear; 26,122 parameters at 1x8x8.

    Counted without norm, 10 classes. Norm layers, where asked for, stand between every hidden layer
    and its ReLU. Batch norm subtracts any bias before it, so those layers have none. Nothing is
    dropped behind the ReLUs, unless a penalty says how much.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, norm: str) -> None:
        super().__init__()
        channels, height, width = shape
        inputs = channels * height * width
        layers: list[nn.Module] = []
        for outputs in WIDTHS:
            layers += [nn.Linear(inputs, outputs, bias=norm != "batch"), norm1d(norm, outputs)]
            layers += [nn.Sequential(nn.ReLU(), nn.Dropout(0.0))]  # --penalty dropout sets it
            inputs = outputs
        self.hidden = nn.Sequential(*layers)
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, classes]."""
        return self.classifier(self.hidden(x.flatten(1)))
