"""A module that holds other tensors for a while, in place of its parameters and buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


class Holder:
    """Like `torch.func.functional_call`, which looks the layers up at every call: of a step of a
    small model that is a twentieth."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        named = [*module.named_parameters(), *module.named_buffers()]
        names = {id(tensor): name for name, tensor in named}
        # a tensor that layers share has one name and several places
        self.places: list[tuple[dict[str, Any], str, str]] = [
            (own, at, names[id(tensor)])
            for layer in module.modules()
            for own in (layer._parameters, layer._buffers)
            for at, tensor in own.items()
            if tensor is not None
        ]

    @contextmanager
    def holding(self, tensors: Mapping[str, Tensor]) -> Iterator[nn.Module]:
        """The module with `tensors` of these names; those it had are put back."""
        places = [place for place in self.places if place[2] in tensors]
        before = [own[at] for own, at, _ in places]
        for own, at, name in places:
            own[at] = tensors[name]
        try:
            yield self.module
        finally:
            for (own, at, _), tensor in zip(places, before, strict=True):
                own[at] = tensor
