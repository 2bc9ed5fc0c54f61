"""Layers that keep lanes apart which stand side by side as channels, [B, r C, H, W]."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LaneLayer(nn.Module):
    """Stands in place of `layer`. Its tensors have a row a lane; they are set for every call."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()


class Linear(LaneLayer):
    """y = A_r x + b_r in every lane, [B, r F] -> [B, r O]."""

    def forward(self, x: Tensor) -> Tensor:
        A = self.weight.transpose(1, 2)
        x = x.unflatten(1, (len(A), -1)).transpose(0, 1)
        y = x.bmm(A) if self.bias is None else torch.baddbmm(self.bias.unsqueeze(1), x, A)
        if y.requires_grad:  # or sums over the batch round by how many lanes there are
            y.register_hook(Tensor.contiguous)
        return y.transpose(0, 1).flatten(1)


class BatchNorm(LaneLayer):
    """A channel of a lane is a channel of its own, as batch norm has it anyway."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, layer: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        super().__init__(layer)
        assert layer.momentum is not None
        self.momentum, self.eps = layer.momentum, layer.eps

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.num_batches_tracked.add_(1)
        mean, variance = self.running_mean.view(-1), self.running_var.view(-1)
        own = self.weight.flatten(), _flat(self.bias)
        return F.batch_norm(x, mean, variance, *own, self.training, self.momentum, self.eps)


class GroupNorm(LaneLayer):
    """The groups of all lanes."""

    def __init__(self, layer: nn.GroupNorm) -> None:
        super().__init__(layer)
        self.groups, self.eps = layer.num_groups, layer.eps

    def forward(self, x: Tensor) -> Tensor:
        groups = self.groups * len(self.weight)
        return F.group_norm(x, groups, self.weight.flatten(), _flat(self.bias), self.eps)


class LayerNorm(LaneLayer):
    """Over the features of a lane, [B, r F]: as many groups as lanes."""

    def __init__(self, layer: nn.LayerNorm) -> None:
        super().__init__(layer)
        self.eps = layer.eps

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, len(self.weight), self.weight.flatten(), _flat(self.bias), self.eps)


def _flat(bias: Tensor | None) -> Tensor | None:
    return None if bias is None else bias.flatten()


LAYERS: dict[type[nn.Module], type[LaneLayer]] = {
    nn.Linear: Linear,
    nn.BatchNorm1d: BatchNorm,
    nn.BatchNorm2d: BatchNorm,
    nn.GroupNorm: GroupNorm,
    nn.LayerNorm: LayerNorm,
}
