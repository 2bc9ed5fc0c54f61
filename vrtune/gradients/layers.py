"""What goes into every layer of all lanes and how the loss changes with what comes out, for step
rules that look at layers.

References: Kunstner, Hennig & Balles, "Limitations of the empirical Fisher approximation", NeurIPS
2019.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from vrtune.errors import UsageError
from vrtune.gradients.each import joined, traced
from vrtune.gradients.factored import Factors, LayerFactors, layer_factors
from vrtune.gradients.keyed import mixed
from vrtune.gradients.noise import few_lanes, is_tested, near, square_loss
from vrtune.gradients.oracle import Buffers, Oracle
from vrtune.gradients.precision import computed_in

Draw = Callable[[Tensor, Tensor], Tensor]  # outputs [r, B, k] and uniform numbers to targets [r, B]
SALT = (922093121, -1640531527)  # no layer's, whose masks have the same key


def layers_of_batch(
    oracle: Oracle,
    W: Tensor,
    buffers: Buffers,
    x: Tensor,
    y: Tensor,
    draw: Draw | None = None,
) -> list[LayerFactors]:
    """A and dZ of every linear layer, and every convolution without groups, whose weight is used
    once; from one forward and one backward pass.

    Where batch norm mixes the samples of a batch, dZ are gradients of the sum of their losses.

    Args:
        oracle: of r lanes.
        W: their weights [r, P].
        buffers: theirs, changed in place as a pass in train mode does.
        x: batches [r, B, ...].
        y: targets [r, B]; for `draw`, uniform numbers.
        draw: makes targets of the outputs; if none, they are y.
    """

    def work(module: nn.Module, part: slice) -> list[Factors]:
        own = {name: b[part] for name, b in buffers.items()}
        done = []
        for _, calls, _, losses in traced(oracle, module, W[part], own, x[part], y[part], draw):
            taken = layer_factors(
                calls, oracle.layout.columns, oracle.places, y.shape[1], convolutions=True
            )
            done.append(Factors([found for _, found in taken], {}, losses))
        return done

    return joined([block for part in oracle.in_threads(len(W), work) for block in part]).layers


def uniform(key: Tensor, samples: int, like: Tensor) -> Tensor:
    """Uniform numbers [r, B] in 0 .. 1, a function of keys [r, 2] of 32 bits."""
    count = torch.arange(samples, dtype=torch.int32, device=key.device)
    return mixed(count, key, SALT).to(like.dtype) * 2.0**-32 + 0.5


def check_layers(oracle: Oracle, shape: tuple[int, ...]) -> None:
    """UsageError if the layers of a module that sees samples of a shape can't be looked at, or say
    another gradient than its own. A user's module is tried on noise."""
    if is_tested(oracle.original):
        return
    W, buffers, x, y = few_lanes(oracle, shape)
    precise, oracle.computed = oracle.computed, partial(computed_in, "float32", oracle.device)

    def copies() -> Buffers:
        return {name: b.clone() for name, b in buffers.items()}

    try:
        with square_loss(oracle):
            whole = oracle.gradient(W, copies(), x, y)[0]
            found = layers_of_batch(oracle, W, copies(), x, y)
        right = all(near(*sides) for layer in found for sides in _sides(layer, whole))
    except Exception:  # a layer takes other than one tensor
        right = False
    finally:
        oracle.computed = precise
    if not right:
        raise UsageError(
            f"model {type(oracle.original).__name__} does not let its layers be looked at, as this "
            "step rule does: let linear layers and convolutions be modules that it calls with one "
            "tensor, whose batches come first, or choose another step rule"
        )


def _sides(layer: LayerFactors, whole: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The mean gradient [r, n] of weight and bias by the layer's factors, and by the module."""
    A, dZ = layer.A.flatten(1, 2), layer.dZ.flatten(1, 2)
    samples = layer.A.shape[1]
    weight = (dZ.transpose(1, 2) @ A).flatten(1) / samples, whole[:, layer.weight]
    if layer.bias is None:
        return [weight]
    return [weight, (dZ.sum(1) / samples, whole[:, layer.bias])]
