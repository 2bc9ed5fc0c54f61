"""Fused lanes on a CPU without vmap: they stand side by side as channels, [B, r C, H, W].

Whatever treats channels alike (an activation, pooling, flattening) then serves all lanes in one
plain call; layers with weights are replaced by ones that keep the lanes apart (layers.py). A small
net's step is short, and vmap's bookkeeping in Python would be much of it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vrtune.gradients.cpu.layers import LAYERS
from vrtune.gradients.fused import Fused
from vrtune.gradients.keyed import KEY, RATE
from vrtune.gradients.oracle import Buffers, MeanLoss, mean_cross_entropy, parts_of
from vrtune.gradients.taps import Taps, layers_of

BLOCK = 32  # rows of a call; more gain nothing, and take new memory for every step
FEW = 16  # channels: as many as a processor's vector holds


class SideBySide(Fused):
    """Fused, for modules that `suits` allows. Derivatives of higher order come from the module
    itself, by vmap."""

    def __init__(
        self,
        module: nn.Module,
        precision: str = "float32",
        threads: int = 1,
        mean_loss: MeanLoss = mean_cross_entropy,
    ) -> None:
        super().__init__(module, precision, mean_loss=mean_loss)
        self.module, self.modules = Channels(module).train(), []
        self.use_threads(threads)

    def _forward(
        self, module: nn.Module, parameters: Sequence[Tensor], buffers: Buffers, x: Tensor
    ) -> Tensor:
        assert isinstance(module, Channels)
        module.seat(dict(zip(self.layout.shapes, parameters, strict=True)) | buffers)
        logits: Tensor = module(x.transpose(0, 1).flatten(1, 2))
        module.leave()
        return logits.unflatten(1, (len(x), -1)).transpose(0, 1)

    def blocks(self, rows: int) -> list[slice]:
        return parts_of(rows, max(1, -(-rows // BLOCK)))

    def taps(self, module: nn.Module, rows: int) -> Taps:
        assert isinstance(module, Channels)
        plain = layers_of(self.original)
        return Taps(
            {name: module.layer(name) for name in plain},
            lambda t: t.unflatten(1, (rows, -1)).transpose(0, 1),
            plain=plain,
        )

    def _logits(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        views = self.layout.views(W).values()
        rows = [slice(i, i + 1) for i in range(len(x))]  # whose activations stay near the processor
        return torch.cat(
            [
                self._forward(
                    module,
                    [v[row] for v in views],
                    {name: b[row] for name, b in buffers.items()},
                    x[row],
                )
                for row in rows
            ]
        )


class Channels(nn.Module):
    """A module whose layers keep lanes apart, [B, r C, H, W] -> [B, r classes]."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(copy.deepcopy(module))  # which can be a single layer
        named = [*module.named_parameters(), *module.named_buffers()]
        own = [*self.body.parameters(), *self.body.buffers()]
        names = {id(tensor): name for tensor, (name, _) in zip(own, named, strict=True)}
        layers = LAYERS
        if _convolutions(module):
            from vrtune.gradients.cpu import samples_last  # imports a compiler

            samples_last.join_pooling(self.body)
            layers = layers | samples_last.LAYERS
        self.slots: list[tuple[nn.Module, str, str]] = []  # a layer, its attribute, a tensor's name
        made: dict[nn.Module, nn.Module] = {}  # a layer may stand in several places
        for parent in list(self.body.modules()):
            for at, layer in parent._modules.items():
                if layer is None or type(layer) not in layers:
                    continue
                if layer not in made:
                    made[layer] = layers[type(layer)](layer)
                    self._slot(made[layer], {**layer._parameters, **layer._buffers}, names)
                parent._modules[at] = made[layer]

    def _slot(
        self, new: nn.Module, tensors: dict[str, Tensor | None], names: dict[int, str]
    ) -> None:
        for attribute, tensor in tensors.items():
            setattr(new, attribute, None)
            if tensor is not None:
                self.slots.append((new, attribute, names[id(tensor)]))

    def seat(self, tensors: dict[str, Tensor]) -> None:
        """Gives every layer its tensors [r, ...]."""
        for layer, attribute, name in self.slots:
            object.__setattr__(layer, attribute, tensors[name])  # nn.Module's own is slow
        for name in {KEY, RATE} & {*tensors}:  # dropout layers keep lanes apart themselves
            self.body[0]._buffers[name] = tensors[name]

    def layer(self, name: str) -> nn.Module:
        """What stands in the place of a layer of the module."""
        return self.body[0].get_submodule(name)

    def leave(self) -> None:
        """Lets go of them."""
        for layer, attribute, _ in self.slots:
            object.__setattr__(layer, attribute, None)

    def forward(self, x: Tensor) -> Tensor:
        """All lanes at the weights they were given."""
        y: Tensor = self.body(x)
        return y


def suits(module: nn.Module) -> bool:
    """Whether a CPU trains the module's lanes faster so: layers that are known here, convolutions
    of few channels everywhere, with square kernels at stride 1 and a border of zeros, in float32.

    What else the module does must treat channels alike; the tests hold every model to it.
    """
    own = {KEY, RATE}
    weights = [layer for layer in module.modules() if layer._parameters or {*layer._buffers} - own]
    single = next(module.parameters()).dtype == torch.float32
    return (single or not _convolutions(module)) and all(map(_known, weights))


def _known(layer: nn.Module) -> bool:
    if type(layer) is nn.Conv2d:
        return _narrow(layer)
    if isinstance(layer, nn.LayerNorm) and len(layer.normalized_shape) > 1:
        return False
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.momentum is None:
        return False
    # no norm without weights or statistics
    whole = layer._parameters.get("weight") is not None and None not in layer._buffers.values()
    return whole and type(layer) in LAYERS


def _convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def _narrow(layer: nn.Conv2d) -> bool:
    k, p = layer.kernel_size[0], layer.padding[0]
    return (
        max(layer.in_channels, layer.out_channels) <= FEW
        and layer.kernel_size == (k, k)
        and layer.padding == (p, p)
        and int(p) < k
        and layer.padding_mode == "zeros"
        and layer.stride == layer.dilation == (1, 1)
        and layer.groups == 1
    )
