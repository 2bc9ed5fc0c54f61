"""Gradients of single samples in factored form, from one forward and one backward pass of a batch.

A linear layer Z = A W^T + b takes sample i at T positions (one, tokens, or the pixels of a
convolution, whose inputs are unfolded), so its gradients are sums of outer products:
dl_i/dW = sum_t dZ[i, t] A[i, t]^T and dl_i/db = sum_t dZ[i, t].

References: El Hanchi, "Time and memory efficient variance reduced optimization and sampling for
deep learning", section 2; Goodfellow, "Efficient per-example gradient computations", 2015.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap
from torch.nn.grad import conv2d_weight

from vrtune.gradients.taps import Call, own, place

Tensors = Mapping[str, Tensor]
SMALL = 16  # pixels of a map (benchmarks/per_example.py)


@dataclass(frozen=True)
class LayerFactors:
    """A and dZ of a linear layer, or of a convolution, whose weight is used once."""

    name: str
    weight: slice  # columns of a row: [d_out, d_in] unrolled
    bias: slice | None  # columns of a row: [d_out]
    A: Tensor  # inputs [r, B, T, d_in]
    dZ: Tensor  # noqa: N815 - gradients of a sample's own loss by the outputs, [r, B, T, d_out]


@dataclass(frozen=True)
class Factors:
    """A batch's gradients of single samples: factors where layers have them, the rest whole."""

    layers: list[LayerFactors]
    rest: dict[str, Tensor]  # [r, B, *shape] of every other parameter
    losses: Tensor  # [r, B]


def single_gradients(
    calls: Sequence[Call],
    tensors: Tensors,
    places: Mapping[str, str],
    samples: int,
    slots: Tensors | None = None,
) -> dict[str, Tensor]:
    """Gradients of single samples by the parameters of all layers that were called.

    Args:
        calls: on a batch; what a parameter has from several is summed.
        tensors: parameters and buffers [r, *shape] by name.
        places: the name of each tensor by its place in the module.
        samples: B.
        slots: where to write them, [r B, *shape] by name; else they get memory of their own.

    Returns:
        By a parameter's name, [r B, *shape].
    """
    found: dict[str, Tensor] = {}
    for call in calls:
        names = {attribute: places[place(call.name, attribute)] for attribute in own(call.layer)}
        free = {a: slots[name] for a, name in names.items() if slots and name not in found}
        for attribute, g in _gradients(call, tensors, places, samples, free).items():
            name = names[attribute]
            if name in found:
                found[name] = found[name].add_(g) if slots else found[name] + g
            else:
                found[name] = free[attribute].copy_(g) if slots else g
    return found


def _gradients(
    call: Call, tensors: Tensors, places: Mapping[str, str], samples: int, slots: Tensors
) -> dict[str, Tensor]:
    """By the layer's own parameters, [r B, *shape]; they may be written to `slots`."""
    layer, a, dz = call.layer, call.a, call.dz
    if not {*own(layer)} <= {"weight", "bias"}:
        return _by_vjp(call, tensors, places, samples)
    if type(layer) is nn.Linear:
        found = _linear(*positions(layer, a, dz, samples), slots.get("weight"))
    elif _plain(layer):
        found = _convolution(layer, a, dz, samples)
    elif type(layer) in (nn.LayerNorm, nn.GroupNorm):
        found = _norm(layer, a, dz, samples)
    else:
        return _by_vjp(call, tensors, places, samples)
    return {name: found[name] for name in own(layer)}


def positions(layer: nn.Module, a: Tensor, dz: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """A [r B, T, d_in] and dZ [r B, T, d_out] of a linear layer, or of a convolution without
    groups."""
    n = len(a) * samples
    if isinstance(layer, nn.Conv2d):
        a, dz = unfolded(layer, a).transpose(1, 2), dz.flatten(0, 1).flatten(2).transpose(1, 2)
    return a.reshape(n, -1, a.shape[-1]), dz.reshape(n, -1, dz.shape[-1])


def _linear(A: Tensor, dZ: Tensor, slot: Tensor | None) -> dict[str, Tensor]:
    """Outer products, summed over positions."""
    if A.shape[1] == 1:
        return {"weight": torch.mul(dZ.transpose(1, 2), A, out=slot), "bias": dZ[:, 0]}
    return {"weight": dZ.transpose(1, 2).bmm(A), "bias": dZ.sum(1)}


def _plain(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether a layer is a convolution whose border is zeros, as many on both sides."""
    return (
        type(layer) is nn.Conv2d
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
    )


def unfolded(layer: nn.Conv2d, a: Tensor) -> Tensor:
    """What each output sees of the inputs [r, N, C, H, W]: [r N, C k_h k_w, h w]. One copy, where
    F.unfold takes a step a sample on a GPU, and twice the time on a CPU."""
    assert not isinstance(layer.padding, str)
    (ph, pw), (dh, dw), (sh, sw) = layer.padding, layer.dilation, layer.stride
    a = F.pad(a.flatten(0, 1), (pw, pw, ph, ph))
    n, C, H, W = a.shape
    k, m = layer.kernel_size
    h, w = (H - dh * (k - 1) - 1) // sh + 1, (W - dw * (m - 1) - 1) // sw + 1
    by_n, by_c, by_h, by_w = a.stride()
    steps = by_n, by_c, dh * by_h, dw * by_w, sh * by_h, sw * by_w
    return a.as_strided((n, C, k, m, h, w), steps).reshape(n, C * k * m, h * w)


def _convolution(layer: nn.Conv2d, a: Tensor, dz: Tensor, samples: int) -> dict[str, Tensor]:
    """Of every group a linear layer's, with h w positions.

    The same sums come faster from a convolution of as many groups as samples, which unfolds
    nothing, unless maps are small and a CPU computes them (benchmarks/per_example.py).
    """
    n, g, shape = len(a) * samples, layer.groups, layer.weight.shape
    count = len(a) * a.shape[1]
    if dz.device.type != "cpu" or dz.shape[3:].numel() > SMALL:
        a, wide = a.flatten(0, 2).unsqueeze(0), dz.flatten(0, 2).unsqueeze(0)
        how = layer.stride, layer.padding, layer.dilation, count * g
        weight = conv2d_weight(a, (count * shape[0], *shape[1:]), wide, *how)
    else:
        seen = unfolded(layer, a).reshape(count * g, shape[1:].numel(), -1)
        weight = dz.reshape(count * g, shape[0] // g, -1).bmm(seen.transpose(1, 2))
    bias = dz.flatten(3).sum(3)
    return {"weight": weight.view(n, -1, *shape).sum(1), "bias": bias.view(n, -1, shape[0]).sum(1)}


def _norm(layer: nn.Module, a: Tensor, dz: Tensor, samples: int) -> dict[str, Tensor]:
    """z = weight * normal(a) + bias, by position."""
    n = len(a) * samples
    a, dz = a.flatten(0, 1), dz.flatten(0, 1)
    if isinstance(layer, nn.GroupNorm):
        normal = F.group_norm(a, layer.num_groups, eps=layer.eps)
        both = (normal * dz).flatten(2).sum(2), dz.flatten(2).sum(2)
    else:
        assert isinstance(layer, nn.LayerNorm)
        normal = F.layer_norm(a, layer.normalized_shape, eps=layer.eps)
        both = normal * dz, dz
    shape = next(layer.parameters(recurse=False)).shape
    weight, bias = (t.reshape(n, -1, *shape).sum(1) for t in both)
    return {"weight": weight, "bias": bias}


def _by_vjp(
    call: Call, tensors: Tensors, places: Mapping[str, str], samples: int
) -> dict[str, Tensor]:
    """Of a layer that has no rule here: its own vector-Jacobian product, sample by sample."""
    layer = call.layer
    held = {  # once a sample: not every operation can be vmapped twice
        name: tensors[places[place(call.name, name)]].repeat_interleave(samples, 0)
        for name, t in [*layer._parameters.items(), *layer._buffers.items()]
        if t is not None
    }
    parameters = {name: held.pop(name) for name in own(layer)}

    def one(p: dict[str, Tensor], b: dict[str, Tensor], a: Tensor, dz: Tensor) -> dict[str, Tensor]:
        def outputs(p: dict[str, Tensor]) -> Tensor:
            changed = {name: t.clone() for name, t in b.items()}  # in place, and for nobody
            z: Tensor = functional_call(layer, {**p, **changed}, (a,))
            return z

        found: dict[str, Tensor] = vjp(outputs, p)[1](dz)[0]
        return found

    a, dz = (t.unflatten(1, (samples, -1)).flatten(0, 1) for t in (call.a, call.dz))
    found: dict[str, Tensor] = vmap(one)(parameters, held, a, dz)
    return found


def layer_factors(
    calls: Sequence[Call],
    columns: Mapping[str, slice],
    places: Mapping[str, str],
    samples: int,
    *,
    convolutions: bool,
) -> list[tuple[Call, LayerFactors]]:
    """The calls that A and dZ say all of: of linear layers and, if wanted, of convolutions without
    groups, whose weight no other call used."""
    used = Counter(places[place(call.name, name)] for call in calls for name in own(call.layer))
    found = []
    for call in calls:
        layer, names = call.layer, own(call.layer)
        known = type(layer) is nn.Linear or (convolutions and _plain(layer) and layer.groups == 1)
        at = [places[place(call.name, name)] for name in names]
        if not known or names[:1] != ["weight"] or any(used[name] > 1 for name in at):
            continue
        A, dZ = (
            t.unflatten(0, (len(call.a), samples))
            for t in positions(layer, call.a, call.dz, samples)
        )
        weight, bias = columns[at[0]], columns[at[1]] if at[1:] else None
        found.append((call, LayerFactors(call.name, weight, bias, A, dZ)))
    return found
