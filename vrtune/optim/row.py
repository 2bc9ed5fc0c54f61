"""The weights of an optimizer side by side in one row [1, P], as estimators want them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from vrtune.errors import UsageError


class Row:
    """Where parameters lie in a row, and the ways there and back.

    A row is float32 at least: weights of fewer bits go there and back without a change, and sums
    of their gradients keep their bits.
    """

    def __init__(self, params: Sequence[Tensor]) -> None:
        """UsageError where the parameters can't lie in one row."""
        self.params = list(params)
        self.kept = [(p.device, p.dtype) for p in self.params]
        if not self.params:
            raise UsageError("no parameter takes a gradient: all that the optimizer has are frozen")
        if len(devices := {p.device for p in self.params}) > 1:
            raise UsageError(
                f"the parameters lie on {', '.join(sorted(map(str, devices)))}: variance reduction "
                "takes those of one device, so give each device an optimizer of its own"
            )
        for p in self.params:
            if hasattr(p, "device_mesh"):
                raise UsageError(
                    "the parameters are sharded over processes (DTensor): variance reduction needs "
                    "whole ones, so wrap the model in DistributedDataParallel"
                )
            if not p.is_floating_point():
                raise UsageError(f"parameters of type {p.dtype} are not floating point numbers")
        dtypes = (p.dtype for p in self.params)
        self.dtype = reduce(torch.promote_types, dtypes, torch.float32)
        self.device = self.params[0].device
        self.shapes = tuple(p.shape for p in self.params)
        self.sizes = [p.numel() for p in self.params]

    def holds(self, params: Sequence[Tensor]) -> bool:
        """Whether these are the parameters, where they were and of the types they had."""
        same = len(params) == len(self.params) and all(map(_is, params, self.params))
        return same and [(p.device, p.dtype) for p in params] == self.kept

    def of(self, tensors: Sequence[Tensor | None]) -> Tensor:
        """One tensor a parameter as a row of its own [1, P]; None is zero."""
        parts = [
            torch.zeros(size, dtype=self.dtype, device=self.device)
            if tensor is None
            else tensor.detach().reshape(-1).to(self.dtype)
            for tensor, size in zip(tensors, self.sizes, strict=True)
        ]
        return torch.cat(parts).unsqueeze(0)

    def weights(self) -> Tensor:
        """The parameters [1, P]."""
        return self.of(self.params)

    def gradients(self) -> Tensor:
        """The parameters' gradients [1, P]; zero where there is none."""
        for p in self.params:
            if p.grad is not None and p.grad.layout != torch.strided:
                raise UsageError(
                    "a gradient is sparse: variance reduction needs dense ones, so make the "
                    "embedding with sparse=False"
                )
        return self.of([p.grad for p in self.params])

    def views(self, row: Tensor) -> list[Tensor]:
        """Each parameter's part of a row [1, P], in its shape."""
        columns = row[0].split(self.sizes)
        return [column.view(shape) for column, shape in zip(columns, self.shapes, strict=True)]

    def write(self, row: Tensor) -> None:
        """Sets the parameters to a row [1, P], in place."""
        for p, part in zip(self.params, self.views(row), strict=True):
            p.copy_(part)

    def clear(self) -> None:
        """Forgets the gradients."""
        for p in self.params:
            p.grad = None

    def put(self, d: Tensor, moved: Sequence[bool], *, anew: bool = False) -> None:
        """Makes a row [1, P] the gradients of the parameters that are moved; `anew`, tensors that
        nobody else has."""
        for p, part, moves in zip(self.params, self.views(d), moved, strict=True):
            if not moves:
                p.grad = None
            elif p.grad is None or anew:
                p.grad = torch.empty_like(p).copy_(part)  # laid out in memory as its parameter
            else:
                p.grad.copy_(part)


def _is(one: object, other: object) -> bool:
    return one is other
