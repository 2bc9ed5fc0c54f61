"""What goes into the layers of a module and the gradients of what comes out, in one forward and one
backward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.autograd import Function


@dataclass(frozen=True)
class Call:
    """One call of a layer, on the batches of r rows.

    N is the batch size B, or a multiple of it where a model folds positions into the batch.
    """

    name: str
    layer: nn.Module
    a: Tensor  # what goes in, [r, N, ...]
    dz: Tensor  # gradients of every sample's own loss by what comes out, [r, N, ...]


def layers_of(module: nn.Module) -> dict[str, nn.Module]:
    """The layers that have parameters of their own, by name."""
    return {name: layer for name, layer in module.named_modules() if own(layer)}


def own(layer: nn.Module) -> list[str]:
    """The names of a layer's own parameters."""
    return [name for name, p in layer._parameters.items() if p is not None]


def place(name: str, attribute: str) -> str:
    """Of a layer's tensor in the module."""
    return f"{name}.{attribute}" if name else attribute


class Taps:
    """Hooks on layers, while it is entered: they keep what goes in, and add zeros to what comes
    out, whose gradient is dZ. No weight needs a gradient for it."""

    def __init__(
        self,
        hooked: Mapping[str, nn.Module],
        rows_first: Callable[[Tensor], Tensor],
        *,
        vmapped: bool = False,
        plain: Mapping[str, nn.Module] | None = None,
    ) -> None:
        """`rows_first` turns a layer's input or output to [r, N, ...]; `plain` are the layers as
        their author has them, where others stand in their places."""
        self.hooked, self.plain, self.rows_first = hooked, plain or hooked, rows_first
        self.vmapped = vmapped
        self.kept: list[tuple[str, Tensor, Tensor]] = []

    def __enter__(self) -> Self:
        self.hooks = [
            layer.register_forward_hook(partial(self._seen, name))
            for name, layer in self.hooked.items()
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _seen(self, name: str, layer: nn.Module, inputs: tuple[Tensor], z: Tensor) -> Tensor:
        (a,) = inputs
        keep = partial(self._keep, name)
        return _Outside.apply(a, z, keep) if self.vmapped else keep(a, z)

    def _keep(self, name: str, a: Tensor, z: Tensor) -> Tensor:
        zeros = z.new_zeros(()).expand(z.shape).requires_grad_()
        self.kept.append((name, a.detach(), zeros))
        return z + zeros

    def calls(self, losses: Tensor) -> list[Call]:
        """Every call, in their order, after the samples' losses [r, B] went backward."""
        grads = torch.autograd.grad(
            losses.sum(),  # of a sample, by that sample alone
            [zeros for _, _, zeros in self.kept],
            allow_unused=True,
            materialize_grads=True,
        )
        return [
            Call(name, self.plain[name], self.rows_first(a), self.rows_first(dz))
            for (name, a, _), dz in zip(self.kept, grads, strict=True)
        ]


class _Outside(Function):
    """keep(a, z) outside of vmap, where both have a row dimension, which comes first."""

    @staticmethod
    def forward(a: Tensor, z: Tensor, keep: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        raise NotImplementedError  # vmap has its own

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept: what vmap computes has its own graph."""

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        a: Tensor,
        z: Tensor,
        keep: Callable[[Tensor, Tensor], Tensor],
    ) -> tuple[Tensor, int]:
        """Called with the tensors that vmap's own stand for."""
        a, z = (
            t.expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)
            for t, dim in zip((a, z), in_dims, strict=False)
        )
        return keep(a, z), 0
