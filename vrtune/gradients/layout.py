"""Where the parameters of a module lie in a row of W."""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import prod

import torch
from torch import Tensor, nn


class Layout:
    """Where each parameter of a module lies in a row of W."""

    def __init__(self, module: nn.Module) -> None:
        self.shapes = {name: p.shape for name, p in module.named_parameters()}
        self.size = sum(prod(shape) for shape in self.shapes.values())

    @property
    def columns(self) -> dict[str, slice]:
        """The columns of each parameter in a row."""
        ends = list(accumulate(prod(shape) for shape in self.shapes.values()))
        return {
            name: slice(*ends) for name, ends in zip(self.shapes, pairwise([0, *ends]), strict=True)
        }

    def views(self, W: Tensor) -> dict[str, Tensor]:
        """Each parameter as a view [L, *shape] of W [L, P]."""
        columns = W.split([prod(shape) for shape in self.shapes.values()], dim=1)
        return {
            name: column.view(len(W), *shape)
            for (name, shape), column in zip(self.shapes.items(), columns, strict=True)
        }


def flatten(module: nn.Module) -> Tensor:
    """A module's parameters as one row [P]."""
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()])
