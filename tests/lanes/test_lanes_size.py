"""How large a model is, counted by hand."""

from __future__ import annotations

import torch
from torch import nn

from vrtune.lanes.size import size_of


def test_of_a_small_net_by_hand() -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 5))
    size = size_of(net, (2, 4, 4))
    assert size.parameters == 3 * 2 * 9 + 3 + 6 + 12 * 5 + 5
    assert size.kept == 4 * (12 + 12 + 12 + 5)
    # three maps of 2x2, each number of 18 products; five outputs of 12. Norms don't count
    assert size.products == (12 * 18 + 5 * 12) / 2


def test_of_a_net_without_products() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.scale

    size = size_of(Scaled(), (3,))
    assert (size.parameters, size.kept, size.products) == (1, 12, 0)
