"""Norm layers written out in primitive operations: PyTorch's own have no third derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode


def _standardise(x: Tensor, dims: Sequence[int], eps: float) -> Tensor:
    centred = x - x.mean(list(dims), keepdim=True)
    return centred * (centred.square().mean(list(dims), keepdim=True) + eps).rsqrt()


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Per channel: the second dimension."""
    shape = (1, -1, *[1] * (x.dim() - 2))
    x = x if weight is None else x * weight.view(shape)
    return x if bias is None else x + bias.view(shape)


def _batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    assert training, "smooth norms are for train mode"
    return _affine(_standardise(x, (0, *range(2, x.dim())), eps), weight, bias)


def _group_norm(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    grouped = x.reshape(x.shape[0], num_groups, -1)
    return _affine(_standardise(grouped, (2,), eps).reshape(x.shape), weight, bias)


def _layer_norm(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    x = _standardise(x, range(-len(normalized_shape), 0), eps)
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


WRITTEN_OUT: dict[Any, Callable[..., Tensor]] = {
    F.batch_norm: _batch_norm,
    F.group_norm: _group_norm,
    F.layer_norm: _layer_norm,
}


class SmoothNorms(TorchFunctionMode):
    """Inside, batch, group and layer norm and attention have derivatives of every order.

    Values are the native ones in train mode; running statistics stay as they are.
    """

    def __enter__(self) -> SmoothNorms:
        self.attention = sdpa_kernel(SDPBackend.MATH)  # of products and softmax
        self.attention.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.attention.__exit__(*error)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return WRITTEN_OUT.get(func, func)(*args, **(kwargs or {}))
