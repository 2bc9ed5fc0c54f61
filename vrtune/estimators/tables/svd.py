"""An entry a sample: each layer's gradient at a low rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from vrtune.estimators.base import Factors, TableGradient
from vrtune.estimators.tables.base import Fresh, Parts, Table
from vrtune.later import Tensor, torch

POWERS = 2  # of G G^T, that turn the test matrix to the leading singular vectors


class SVDTable(Table):
    """T_i = (U_i, V_i) of each tensor's gradient G_i ~ U_i V_i^T as a matrix [d_out, rest].

    U is an orthonormal base of the leading singular vectors, V = G^T U: r (m + k) numbers in place
    of m k; a tensor that this saves nothing of is kept whole. What enters the running sum is
    U V^T, never G, or the sum would drift away from what the table holds.

    References: Halko, Martinsson & Tropp 2011, Algorithm 4.4 (randomised subspace iteration);
    El Hanchi, section 3.3.
    """

    def entry(
        self, shapes: Sequence[torch.Size], one: Callable[[], Factors]
    ) -> dict[str, tuple[int, ...]]:
        r, source = self.rank, torch.Generator().manual_seed(0)
        total = self.state["sum"]
        self.sizes = [prod(shape) for shape in shapes] or [total.shape[1]]
        self.tests: dict[int, Tensor] = {}  # test matrices [k, r], the same for all lanes
        found: dict[str, tuple[int, ...]] = {}
        for i, shape in enumerate(shapes or [torch.Size(self.sizes)]):
            m, k = shape[0] if shape else 1, prod(shape[1:])
            if r * (m + k) < m * k:
                self.tests[i] = torch.randn(k, r, generator=source).to(total)
                found |= {f"U {i}": (m, r), f"V {i}": (k, r)}
            else:
                found[f"whole {i}"] = (m * k,)
        return found

    def fresh(self, weights: Tensor, gradient: TableGradient) -> Fresh:
        G = gradient.each(weights)
        parts: Parts = {}
        for i, g in enumerate(G.split(self.sizes, 2)):
            if i in self.tests:
                M = g.unflatten(2, (-1, len(self.tests[i])))
                parts[f"U {i}"], parts[f"V {i}"] = low_rank(M, self.tests[i])
            else:
                parts[f"whole {i}"] = g
        return Fresh(G.mean(1), self.mean(parts), parts)

    def mean(self, parts: Parts) -> Tensor:
        means = []
        for i in range(len(self.sizes)):
            if i in self.tests:
                U, V = parts[f"U {i}"], parts[f"V {i}"]
                left, right = U.transpose(1, 2).flatten(2), V.transpose(1, 2).flatten(2)
                means.append((left @ right.mT).flatten(1) / U.shape[1])
            else:
                means.append(parts[f"whole {i}"].mean(1))
        return torch.cat(means, 1)


def low_rank(G: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """U [..., m, r] and V [..., k, r] with U V^T near G [..., m, k], by a test matrix [k, r]."""
    U = orthonormal(G @ test)
    for _ in range(POWERS):
        U = orthonormal(G @ orthonormal(G.mT @ U))
    return U, G.mT @ U


def orthonormal(Y: Tensor) -> Tensor:
    """The columns of Y [..., m, r] made orthonormal, each twice; zero where they depend on others.

    Gram and Schmidt's way, as torch.linalg.qr can't be captured in a CUDA graph.
    """
    largest = torch.linalg.vector_norm(Y, dim=-2).amax(-1, keepdim=True)
    rounding = 1000 * torch.finfo(Y.dtype).eps * largest
    columns: list[Tensor] = []
    for y in Y.unbind(-1):
        for _ in range(2):
            for q in columns:
                y = y - torch.linalg.vecdot(q, y).unsqueeze(-1) * q
        left = torch.linalg.vector_norm(y, dim=-1, keepdim=True)
        columns.append(torch.where(left > rounding, y / left.clamp(min=1e-30), 0.0 * y))
    return torch.stack(columns, -1)
