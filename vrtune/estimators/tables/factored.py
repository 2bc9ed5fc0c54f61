"""An entry a sample: inputs and output gradients of linear layers, the rest whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from vrtune.estimators.base import Factors, TableGradient
from vrtune.estimators.tables.base import Fresh, Parts, Table
from vrtune.later import Tensor, torch


class LinearFactors(NamedTuple):
    """A linear layer's columns of a row, its inputs and its outputs' gradients."""

    weight: slice
    bias: slice | None
    A: Tensor
    dZ: Tensor  # noqa: N815


class FactoredTable(Table):
    """T_i = (A_i, dZ_i) of a linear layer, whose gradient is sum_t dZ_i[t] A_i[t]^T: exact, and
    T (d_in + d_out) numbers in place of d_in d_out.

    References: El Hanchi, section 3.1.
    """

    def entry(
        self, shapes: Sequence[torch.Size], one: Callable[[], Factors]
    ) -> dict[str, tuple[int, ...]]:
        found = one()
        self.layers: list[tuple[slice, slice | None]] = [(f.weight, f.bias) for f in found.layers]
        self.rest = {name: columns for name, (columns, _) in found.rest.items()}
        return {name: tuple(part.shape[2:]) for name, part in self._parts(found).items()}

    def fresh(self, weights: Tensor, gradient: TableGradient) -> Fresh:
        parts = self._parts(gradient.factors(weights))
        g = self.mean(parts)
        return Fresh(g, g, parts)

    def mean(self, parts: Parts) -> Tensor:
        layers = [
            LinearFactors(weight, bias, parts[f"A {i}"], parts[f"dZ {i}"])
            for i, (weight, bias) in enumerate(self.layers)
        ]
        rest = {name: (columns, parts[name]) for name, columns in self.rest.items()}
        return Factors(layers, rest).mean(self.state["sum"])

    def _parts(self, found: Factors) -> Parts:
        parts = {name: whole.flatten(2) for name, (_, whole) in found.rest.items()}
        for i, layer in enumerate(found.layers):
            parts |= {f"A {i}": layer.A, f"dZ {i}": layer.dZ}
        dtype = self.state["sum"].dtype  # factors may have been computed in bfloat16
        return {name: part.to(dtype) for name, part in parts.items()}
