"""Slow readable loop of Shampoo: the dense matrix of a whole tensor."""

from __future__ import annotations

from functools import reduce

import torch
from reference.step_rules import Slow
from torch import Tensor


class DenseShampoo(Slow):
    """vec D = (H_1 x ... x H_k)^{-1/2k} vec d,  m <- momentum m + D,  w <- w - lr m."""

    def move(self, w: Tensor, d: Tensor, state: dict, s: dict) -> None:
        d = d + s["weight_decay"] * w
        state["t"] = state.get("t", 0) + 1
        for i, side in enumerate(d.shape):
            rows = torch.stack([d.select(i, j).flatten() for j in range(side)])
            before = state.get(f"H{i}", s["epsilon"] * torch.eye(side, dtype=d.dtype))
            state[f"H{i}"] = before + rows @ rows.T
        one = torch.ones(1, 1, dtype=d.dtype)  # of a tensor without dimensions
        if (state["t"] - 1) % s["every"] == 0:
            dense = reduce(torch.kron, [state[f"H{i}"] for i in range(d.dim())], one)
            U, values, V = torch.linalg.svd(dense)
            state["root"] = U @ torch.diag(values ** (-1 / max(1, 2 * d.dim()))) @ V
        D = (state["root"] @ d.flatten()).view(d.shape)
        m = s["momentum"] * state.get("momentum_buffer", torch.zeros_like(d)) + D
        w.copy_(w - s["lr"] * m)
        state["momentum_buffer"] = m
