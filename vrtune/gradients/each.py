"""Gradients of every sample of a batch, of all rows.

Factored, from one forward and one backward pass of the whole batch, where all parameters belong to
layers (taps.py, factored.py); else by torch.func: vmap over rows of vmap over samples of grad.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn.modules.batchnorm import _BatchNorm

from vrtune.errors import UsageError
from vrtune.gradients.factored import Factors, layer_factors, single_gradients
from vrtune.gradients.keyed import of_sample
from vrtune.gradients.noise import few_lanes, is_tested, near, square_loss
from vrtune.gradients.precision import computed_in
from vrtune.gradients.taps import Call, layers_of, own, place
from vrtune.inits.places import called

if TYPE_CHECKING:
    from vrtune.gradients.oracle import Buffers, Oracle

FACTORED, VMAP = "factored", "vmap"


def each(
    oracle: Oracle, way: str, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients [r, B, P] and losses [r, B] of single samples, in one of the two ways."""
    if way == VMAP:
        return _by_vmap(oracle, W, buffers, x, y)

    def work(module: nn.Module, part: slice) -> tuple[Tensor, Tensor]:
        own = {name: b[part] for name, b in buffers.items()}
        samples, size = y.shape[1], W.shape[1]
        G, losses = W.new_empty(len(W[part]), samples, size), []
        blocks = traced(oracle, module, W[part], own, x[part], y[part])
        for rows, calls, tensors, found in blocks:
            slots = oracle.layout.views(G[rows].flatten(0, 1))
            reached = single_gradients(calls, tensors, oracle.places, samples, slots)
            for name in slots.keys() - reached:
                slots[name].zero_()
            losses.append(found)
        return G, torch.cat(losses)

    gradients, losses = zip(*oracle.in_threads(len(W), work), strict=True)
    return torch.cat(gradients), torch.cat(losses)


def factors(
    oracle: Oracle,
    way: str,
    W: Tensor,
    buffers: Buffers,
    x: Tensor,
    y: Tensor,
    *,
    convolutions: bool,
    rest: bool,
) -> Factors:
    """The same, factored where layers can be."""
    samples = y.shape[1]
    if way == VMAP:
        G, losses = each(oracle, way, W, buffers, x, y)
        views = oracle.layout.views(G.flatten(0, 1)) if rest else {}
        return Factors([], {n: v.unflatten(0, y.shape) for n, v in views.items()}, losses)

    def work(module: nn.Module, part: slice) -> list[Factors]:
        held = {name: b[part] for name, b in buffers.items()}
        done = []
        for _, calls, tensors, losses in traced(oracle, module, W[part], held, x[part], y[part]):
            taken = layer_factors(
                calls, oracle.layout.columns, oracle.places, samples, convolutions=convolutions
            )
            whole = {}
            if rest:
                others = [call for call in calls if all(call is not c for c, _ in taken)]
                whole = single_gradients(others, tensors, oracle.places, samples)
                factored = {oracle.places[place(c.name, n)] for c, _ in taken for n in own(c.layer)}
                for name in oracle.layout.shapes.keys() - factored - whole.keys():
                    whole[name] = W.new_zeros(losses.numel(), *oracle.layout.shapes[name])
            by_row = {name: g.unflatten(0, losses.shape) for name, g in whole.items()}
            done.append(Factors([found for _, found in taken], by_row, losses))
        return done

    blocks = [block for part in oracle.in_threads(len(W), work) for block in part]
    return joined(blocks)


def traced(
    oracle: Oracle,
    module: nn.Module,
    W: Tensor,
    buffers: Buffers,
    x: Tensor,
    y: Tensor,
    draw: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Iterator[tuple[slice, list[Call], dict[str, Tensor], Tensor]]:
    """Of so many rows at a time as the oracle computes at once: which they are, the calls of the
    layers, parameters and buffers, and the samples' losses. `draw` makes the targets of the outputs
    and y, which are the targets if there is none."""
    for rows in oracle.blocks(len(W)):
        own = {name: b[rows] for name, b in buffers.items()}
        with oracle.taps(module, len(W[rows])) as taps:
            outputs = oracle.outputs(module, W[rows], own, x[rows])
        target = y[rows] if draw is None else draw(outputs.detach(), y[rows])
        losses = _single_losses(oracle, outputs, target)
        tensors = oracle.layout.views(W[rows]) | own
        yield rows, taps.calls(losses), tensors, losses.detach()


def _single_losses(oracle: Oracle, outputs: Tensor, y: Tensor) -> Tensor:
    """Losses [r, B] of outputs [r, B, k]: a batch's mean loss is the mean of those of its samples
    alone, so a class weight multiplies a sample's, and nothing divides by the weights' sum."""
    alone = oracle.mean_loss(outputs.flatten(0, 1).unsqueeze(1), y.flatten(0, 1).unsqueeze(1))
    return alone.view(y.shape)


def joined(blocks: list[Factors]) -> Factors:
    """The rows of all blocks, in their order."""
    if len(blocks) == 1:
        return blocks[0]
    layers = [
        replace(same[0], A=torch.cat([f.A for f in same]), dZ=torch.cat([f.dZ for f in same]))
        for same in zip(*(b.layers for b in blocks), strict=True)
    ]
    rest = {name: torch.cat([b.rest[name] for b in blocks]) for name in blocks[0].rest}
    return Factors(layers, rest, torch.cat([b.losses for b in blocks]))


def _by_vmap(
    oracle: Oracle, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """grad of <z_i(w), dl_i/dz_i> for each sample's outputs z_i, whose derivatives are taken of the
    whole batch's outputs first: losses may then be anything that lanes have, and only the module is
    seen by torch.func."""
    module, places, losses = oracle.original.train(), oracle.places, []
    G = W.new_empty(*y.shape, W.shape[1])

    def outputs(p: Buffers, b: Buffers, x: Tensor) -> Tensor:
        found: Tensor = called(module, places, {**p, **b}, x)
        return found

    def product(p: Buffers, b: Buffers, x: Tensor, by_z: Tensor) -> Tensor:
        changed = {name: t.clone() for name, t in b.items()}  # in place, and for nobody
        return (outputs(p, changed, x.unsqueeze(0))[0] * by_z).sum()

    def one(p: Buffers, b: Buffers, x: Tensor, by_z: Tensor, i: Tensor) -> Buffers:
        with of_sample(module, i):
            found: Buffers = grad(product)(p, b, x, by_z)
            return found

    numbers = torch.arange(y.shape[1], dtype=torch.int32, device=W.device)
    samples = vmap(one, (None, None, 0, 0, 0))
    with oracle.computed(), torch.enable_grad():
        for rows in oracle.blocks(len(W)):
            weights, own = oracle.layout.views(W[rows]), {n: b[rows] for n, b in buffers.items()}
            before = {name: b.clone() for name, b in own.items()}
            z = vmap(outputs)(weights, own, x[rows]).detach().requires_grad_()
            found = _single_losses(oracle, z, y[rows])
            (by_z,) = torch.autograd.grad(found.sum(), z)
            singles = vmap(samples, (0, 0, 0, 0, None))(weights, before, x[rows], by_z, numbers)
            for name, view in oracle.layout.views(G[rows].flatten(0, 1)).items():
                view.copy_(singles[name].flatten(0, 1))
            losses.append(found.detach())
    return G, torch.cat(losses)


# ---- which way -----------------------------------------------------------------------------------


def way_of(oracle: Oracle, shape: tuple[int, ...]) -> str:
    """How the gradients of single samples of a shape are computed.

    Factored is no slower for any model here (benchmarks/per_example.py), and can be told
    to be right by a model's layers alone where the tests hold it to that; of a user's model, either
    is tried on noise first.

    Raises:
        UsageError: samples have no gradients of their own, or none can be had.
    """
    module = oracle.original.train()
    for name, layer in module.named_modules():
        if isinstance(layer, _BatchNorm) and (layer.training or layer.running_mean is None):
            raise UsageError(
                f"batch norm ({name or 'the model'}) mixes the samples of a batch, so none has a "
                "gradient of its own: use --norm layer or --norm none"
            )
    factorable = all(not [*layer.children()] for layer in layers_of(module).values())
    ways = [FACTORED, VMAP] if factorable else [VMAP]
    for way in ways:
        if is_tested(module) or _is_right(oracle, way, shape):
            return way
    raise UsageError(
        f"model {type(module).__name__} gives no gradients of single samples: let its layers be "
        "modules that it calls, a sample's outputs depend on that sample alone, and batches come "
        "first in what layers see"
    )


def _is_right(oracle: Oracle, way: str, shape: tuple[int, ...]) -> bool:
    """Whether, on noise, the mean of the samples' gradients is the batch's, and they don't depend
    on another sample."""
    W, buffers, x, y = few_lanes(oracle, shape)
    other = x.clone()
    other[:, -1] = 1 - x[:, -1]

    def found(x: Tensor) -> Tensor:
        return each(oracle, way, W, {n: b.clone() for n, b in buffers.items()}, x, y)[0]

    precise, oracle.computed = oracle.computed, partial(computed_in, "float32", oracle.device)
    try:
        with square_loss(oracle):
            whole = oracle.gradient(W, {n: b.clone() for n, b in buffers.items()}, x, y)[0]
            G, H = found(x), found(other)
    except Exception:  # torch.func can't follow it, or a layer has other inputs than one tensor
        return False
    finally:
        oracle.computed = precise
    views = [oracle.layout.views(t).values() for t in (G.mean(1), whole)]
    return all(map(near, *views)) and near(H[:, :-1], G[:, :-1])
