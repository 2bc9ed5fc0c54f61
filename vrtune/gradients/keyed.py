"""Dropout whose masks are a function of a key: the same fused, looped, on any device, and whatever
trains beside a lane. Its rates are the layers' own, or each lane's."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

KEY = "vrtune_key"  # buffer of a module: two numbers of 32 bits that name a lane's batch
RATE = "vrtune_rate"  # and of one whose lanes say how much is dropped: that share, [1]
_GOLDEN, _MIX = -1640531535, (569420461, -748803433)  # odd numbers of 32 bits that mix well
_ALPHA = 1.7580993408473766  # minus what SELU tends to on the left


def words(key: Tensor) -> Tensor:
    """64-bit keys [r] as they are kept in `KEY`, [r, 2] of 32 bits."""
    return key.unsqueeze(1).view(torch.int32)


class Draws:
    """What the layers of a module that draw masks have in common: its key, and which call of which
    layer it is, so that no two draw the same mask."""

    def __init__(self, root: nn.Module) -> None:
        self.root = root  # whose key is another one in every call of vmap
        self.calls: dict[int, int] = {}
        self.sample: Tensor | None = None  # which one of a batch is computed alone, as [1, ...]
        self.counts = True  # no: a layer that is called again, as a checkpoint does, draws the same

    def begin(self, module: nn.Module, inputs: Any) -> None:
        """Before a forward pass of the module."""
        self.calls.clear()

    @property
    def key(self) -> Tensor:
        """Of the lane that is computed, [2]; or [r, 2] of lanes side by side."""
        key = self.root._buffers[KEY]
        assert key is not None
        return key

    @property
    def rate(self) -> Tensor | None:
        """Of the lane, [1], or [r, 1]; None where each layer has its own."""
        return self.root._buffers.get(RATE)

    def bits(self, layer: int, shape: tuple[int, ...]) -> Tensor:
        """Numbers of 32 bits, uniform and independent, of the next call of a layer: [*shape], or
        [r, *shape].

        A counter is mixed with the key by products that wrap around, so no state is kept, nothing
        depends on an order, and a CUDA graph can replay it.
        """
        call = self.calls.get(layer, 0)
        self.calls[layer] = call + self.counts
        key = self.key
        count = torch.arange(math.prod(shape), dtype=torch.int32, device=key.device)
        if self.sample is not None:
            count = count + self.sample * len(count)
        return mixed(count, key, _salt(layer, call)).view(*key.shape[:-1], *shape)


def mixed(count: Tensor, key: Tensor, salt: tuple[int, int]) -> Tensor:
    """Numbers of 32 bits, uniform and independent, [..., n]: of counters [n] and keys [..., 2]."""
    h = ((count * _GOLDEN + salt[0]) ^ key[..., :1]) * _MIX[0]
    h = ((h ^ ((h >> 16) & 0xFFFF)) + (key[..., 1:] + salt[1])) * _MIX[1]
    return (h ^ ((h >> 15) & 0x1FFFF)) * _GOLDEN


@contextmanager
def of_sample(module: nn.Module, i: Tensor) -> Iterator[None]:
    """Inside, a module that is called with the i-th sample of a batch alone, [1, ...], drops what
    it drops of that sample in the batch."""
    found = {layer.draws for layer in module.modules() if isinstance(layer, _Keyed)}
    for draws in found:
        draws.sample = i
    try:
        yield
    finally:
        for draws in found:
            draws.sample = None


@lru_cache(maxsize=4096)
def _salt(layer: int, call: int) -> tuple[int, int]:
    digest = hashlib.sha256(f"{layer} {call}".encode()).digest()
    first, second = (int.from_bytes(digest[i : i + 4], "big", signed=True) for i in (0, 4))
    return first, second


class _Keyed(nn.Module):
    """A dropout layer that asks `draws` for its mask."""

    draws: Draws
    number: int  # among the layers of the module
    p: float
    inplace: bool
    whole: int | None = None  # dimensions of a batch, of layers that take a single sample as well

    def forward(self, x: Tensor) -> Tensor:
        """Of x [B, ...], zeros with probability p, and the rest scaled."""
        if not self.training:
            return x
        p: float | Tensor = self.p
        if (rate := self.draws.rate) is not None:
            p = rate.view(*rate.shape[:-1], *[1] * x.dim())
        elif p == 0:
            return x
        lanes, shape = self.draws.key.shape[:-1], list(x.shape)
        if lanes:  # side by side: [B, r C, ...]
            shape[1] //= lanes[0]
        bits = self.draws.bits(self.number, self._shape(shape))
        mask = (bits >= _threshold(p)).to(x.dtype)
        times, *plus = (
            (part.transpose(0, 1).flatten(1, 2) if lanes else part).to(x.dtype)
            for part in self._factors(mask, p)
        )
        if plus:
            return x * times + plus[0]
        return x.mul_(times) if self.inplace else x * times

    def _shape(self, shape: list[int]) -> tuple[int, ...]:
        """Of a mask for inputs of a shape."""
        return tuple(shape)

    def _factors(self, mask: Tensor, p: float | Tensor) -> tuple[Tensor, ...]:
        """What inputs are multiplied by, and maybe what is added, given which are kept."""
        if isinstance(p, Tensor):
            return (mask / (1 - p),)
        return (mask * (1 / (1 - p) if p < 1 else 0.0),)


def _threshold(p: float | Tensor) -> int | Tensor:
    """Numbers of 32 bits below it are a share p of all."""
    if isinstance(p, Tensor):
        return ((p * 2.0**32).round().long().clamp(max=2**32 - 1) - 2**31).int()
    return min(round(p * 2**32), 2**32 - 1) - 2**31


class _Planes(_Keyed):
    """Drops whole feature planes."""

    def _shape(self, shape: list[int]) -> tuple[int, ...]:
        kept = 1 if self.whole is not None and len(shape) < self.whole else 2
        return (*shape[:kept], *[1] * (len(shape) - kept))


class _Alpha(_Keyed):
    """Keeps mean and variance of what SELU gives."""

    def _factors(self, mask: Tensor, p: float | Tensor) -> tuple[Tensor, ...]:
        if isinstance(p, Tensor):
            a: float | Tensor = ((_ALPHA**2 * p + 1) * (1 - p)).rsqrt()
        else:
            a = 1 / math.sqrt((_ALPHA**2 * p + 1) * (1 - p)) if p < 1 else 0.0
        return mask * a, (mask - 1 + p) * (_ALPHA * a)


class KeyedDropout(_Keyed, nn.Dropout):
    """nn.Dropout."""


class KeyedDropout1d(_Planes, nn.Dropout1d):
    """nn.Dropout1d."""

    whole = 3


class KeyedDropout2d(_Planes, nn.Dropout2d):
    """nn.Dropout2d."""


class KeyedDropout3d(_Planes, nn.Dropout3d):
    """nn.Dropout3d."""

    whole = 5


class KeyedAlphaDropout(_Alpha, nn.AlphaDropout):
    """nn.AlphaDropout."""


class KeyedFeatureAlphaDropout(_Planes, _Alpha, nn.FeatureAlphaDropout):
    """nn.FeatureAlphaDropout."""


LAYERS: dict[type[nn.Module], type[_Keyed]] = {
    nn.Dropout: KeyedDropout,
    nn.Dropout1d: KeyedDropout1d,
    nn.Dropout2d: KeyedDropout2d,
    nn.Dropout3d: KeyedDropout3d,
    nn.AlphaDropout: KeyedAlphaDropout,
    nn.FeatureAlphaDropout: KeyedFeatureAlphaDropout,
}


def add_key(module: nn.Module) -> None:
    """Gives a module the buffer `KEY`, which is not saved with its weights."""
    module.register_buffer(KEY, torch.zeros(2, dtype=torch.int32), persistent=False)


def add_rate(module: nn.Module) -> None:
    """Gives a module the buffer `RATE`, in place of its layers' own rates."""
    module.register_buffer(RATE, torch.zeros(1), persistent=False)


def drops(module: nn.Module) -> bool:
    """Whether a module, ready for lanes or not, has dropout layers."""
    return any(isinstance(layer, tuple(LAYERS)) for layer in module.modules())


def key_layers(module: nn.Module, *, counts: bool, rated: bool = False) -> bool:
    """Has the dropout layers of a module ask for keyed masks: this object's, their classes stay as
    they are. Returns whether any drops something; the module must have a key then. Where lanes have
    rates, `rated`, every layer may."""
    draws = Draws(module)
    draws.counts = counts
    found = [layer for layer in module.modules() if type(layer) in LAYERS]
    for number, layer in enumerate(found):
        keyed = LAYERS[type(layer)]
        layer.__class__ = keyed  # in its place, whatever else refers to it
        assert isinstance(layer, _Keyed)
        layer.draws, layer.number = draws, number
    asked = any(rated or layer.p for layer in found)
    if asked:
        module.register_forward_pre_hook(draws.begin)
    return asked
