"""A residual net for tables: Gorishniy, Rubachev, Khrulkov & Babenko, NeurIPS 2021."""

from __future__ import annotations

from torch import Tensor, nn

from vrtune.models.norms import norm1d

WIDTH, HIDDEN, BLOCKS = 128, 256, 2


class Tabular(nn.Module):
    """linear 128 - two residual blocks - norm - ReLU - linear; 141,450 parameters at 1x1x64.

    Counted without norm, 10 classes. The paper's ResNet has batch norm: give --norm batch for it,
    which subtracts any bias of the sums, so they have none then.
    Columns are numbers, as a data set gives them; it tunes width, depth and dropout, which are
    constants here.

    References: Gorishniy, Rubachev, Khrulkov & Babenko, "Revisiting deep learning models for
    tabular data", NeurIPS 2021, section 3.2.
    """

    def __init__(
        self, shape: tuple[int, int, int], classes: int, norm: str, dropout: float = 0.1
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.first = nn.Linear(channels * height * width, WIDTH, bias=norm != "batch")
        self.blocks = nn.Sequential(*(Block(norm, dropout) for _ in range(BLOCKS)))
        self.head = nn.Sequential(norm1d(norm, WIDTH), nn.ReLU(), nn.Linear(WIDTH, classes))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, classes]."""
        return self.head(self.blocks(self.first(x.flatten(1))))


class Block(nn.Module):
    """x + linear(dropout(ReLU(linear(norm(x))))): the paper may drop its outputs, too."""

    def __init__(self, norm: str, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            norm1d(norm, WIDTH),
            nn.Linear(WIDTH, HIDDEN),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(HIDDEN, WIDTH, bias=norm != "batch"),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, 128] -> [B, 128]."""
        return x + self.body(x)
