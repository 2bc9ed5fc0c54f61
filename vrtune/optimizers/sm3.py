"""SM3: AdaGrad that remembers a number for each row and each column."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.optimizers.base import StepRule
from vrtune.units import OptimizerSettings

if TYPE_CHECKING:
    from torch import Size


class SM3(OptimizerSettings):
    """AdaGrad in less memory: a number for every row and column of a tensor, none for its entries.

    nu <- min of a and b at row i and column j + d_ij^2,  w_ij <- w_ij - eta d_ij / sqrt(nu_ij),
    a_i, b_j <- the largest nu of row i, of column j

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        momentum: share of the mean of past steps in a step, from 0 to below 1.
        beta: decay of what is remembered, 0 to below 1; 0 adds up, as AdaGrad.
        eps: keeps the denominator off zero, 0 or more.

    Example:
        >>> from vrtune import SM3
        >>> SM3(lr=0.1, momentum=0.9).beta
        0.0
    """

    kind: Literal["sm3"] = "sm3"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.0
    eps: float = Field(default=1e-30, ge=0)


class SM3Rule(StepRule):
    """Square-root of minima of sums of maxima of squared gradients (SM3-II).

        nu_i = beta min_r a_r + (1 - beta) d_i^2,   over the axes' slices r that hold entry i
        a_r <- max_i nu_i,   over the entries i of slice r, and with beta at least a_r
        m   <- momentum m + (1 - momentum) d / sqrt(nu + eps)
        w   <- w - eta m

    beta = 0 leaves both factors 1. A vector's slices are its entries: there it is AdaGrad. Judge:
    pytorch_optimizer.SM3, whose hyperparameters have these names.

    References: Anil et al., NeurIPS 2019 (arXiv 1901.11150).
    """

    settings = SM3

    def __init__(self, weights: Tensor) -> None:
        self.state = {"mean_step": torch.zeros_like(weights)}

    @property
    def shapes(self) -> Sequence[Size]:
        """Of the model's tensors. A number is kept for each slice of each of their axes."""
        return self._shapes

    @shapes.setter
    def shapes(self, shapes: Sequence[Size]) -> None:
        self._shapes = shapes
        buffer = self.state["mean_step"]
        known: Sequence[Sequence[int]] = shapes or [(1, buffer.shape[1])]
        self._axes = [n for shape in known for n in shape or (1,)]
        self.state["accumulators"] = buffer.new_zeros(len(buffer), sum(self._axes))

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        buffer = self.state["mean_step"]
        accumulators = iter(self.state["accumulators"].split(self._axes, dim=1))
        sums = hp["beta"] == 0
        kept, new = torch.where(sums, 1.0, hp["beta"]), 1 - hp["beta"]
        for g, m in zip(self.views(d), self.views(buffer), strict=True):
            axes = range(1, max(2, g.dim()))
            g, m = (rows.view(len(d), *(rows.shape[1:] or (1,))) for rows in (g, m))
            a = [_along(next(accumulators), axis, g) for axis in axes]
            nu = _of_lanes(kept, g) * reduce(torch.minimum, a) + _of_lanes(new, g) * g * g
            for axis, slices in zip(axes, a, strict=True):
                others = [other for other in axes if other != axis]
                most = nu.amax(others, keepdim=True) if others else nu
                most_so_far = torch.maximum(slices, most)
                slices.copy_(torch.where(_of_lanes(sums, g), most, most_so_far))
            s = g * (nu + _of_lanes(hp["eps"], g)).rsqrt_()
            m.lerp_(s, 1 - _of_lanes(hp["momentum"], g))
        weights.addcmul_(buffer, -eta)


def _along(slices: Tensor, axis: int, like: Tensor) -> Tensor:
    """Numbers [L, n] of the slices of an axis, [L, 1, ..., n, ..., 1]."""
    return slices.view(len(slices), *(-1 if i == axis else 1 for i in range(1, like.dim())))


def _of_lanes(numbers: Tensor, like: Tensor) -> Tensor:
    """Numbers [L, 1] of lanes, [L, 1, ..., 1]."""
    return numbers.view(-1, *[1] * (like.dim() - 1))
