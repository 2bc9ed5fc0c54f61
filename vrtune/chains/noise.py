"""Random numbers of a chain: a function of its key and the step, whatever runs beside it."""

from __future__ import annotations

import math

from vrtune.later import Tensor, torch

_GOLDEN = -7046029254386353131  # splitmix64's step and factors, as signed numbers
_MIX = ((30, -4658895280553007687), (27, -7723592293110705685))
_BITS = 24  # of a uniform number: what float32 holds


def normals(key: Tensor, step: Tensor, like: Tensor) -> Tensor:
    """Standard normal numbers, independent over lanes, steps and coordinates.

        z = sqrt(-2 log u) (cos 2 pi v, sin 2 pi v),   (u, v) of the next 64 bits of splitmix64

    A counter is mixed with key and step by products that wrap around, so no state is kept, nothing
    depends on an order, and a CUDA graph can replay it.

    Args:
        key: two numbers of 32 bits that name each lane's stream, [L, 2].
        step: which one it is, int64 [L, 1].
        like: weights [L, P], whose shape, type and device the numbers have.

    Example:
        >>> import torch
        >>> from vrtune.chains.noise import normals
        >>> key, step = torch.ones(2, 2, dtype=torch.int32), torch.tensor([[1], [2]])
        >>> z = normals(key, step, torch.zeros(2, 10000))
        >>> bool(z.mean().abs() < 0.03), bool((z.std() - 1).abs() < 0.03)
        (True, True)

    References: Box & Muller, Annals of Mathematical Statistics 1958.
    """
    width = like.shape[1]
    pairs = torch.arange(1, 1 + (width + 1) // 2, dtype=torch.int64, device=like.device)
    bits = mixed(_seed(key, step) + pairs * _GOLDEN)
    radius = _above_zero(bits, like).log_().mul_(-2).sqrt_()
    angle = (bits & ((1 << _BITS) - 1)).to(like.dtype).mul_(2 * math.pi / 2**_BITS)
    return torch.cat([radius * angle.cos(), radius * angle.sin()], 1)[:, :width]


def uniforms(key: Tensor, step: Tensor, like: Tensor) -> Tensor:
    """A number above 0 and up to 1 for each lane, [L, 1], independent of the step's normals."""
    return _above_zero(mixed(_seed(key, step)), like)


def _above_zero(bits: Tensor, like: Tensor) -> Tensor:
    """(k + 1) / 2^24 of the upper bits k."""
    upper = (bits >> (64 - _BITS)) & ((1 << _BITS) - 1)
    return (upper + 1).to(like.dtype).mul_(1 / 2**_BITS)


def _seed(key: Tensor, step: Tensor) -> Tensor:
    """Where splitmix64 starts, [L, 1]."""
    return mixed(key.contiguous().view(torch.int64) + step * _GOLDEN)


def mixed(h: Tensor) -> Tensor:
    """splitmix64's mixing of 64-bit numbers (Steele, Lea & Flood, OOPSLA 2014)."""
    for shift, factor in _MIX:
        h = (h ^ ((h >> shift) & ((1 << (64 - shift)) - 1))) * factor
    return h ^ ((h >> 31) & ((1 << 33) - 1))
