"""A module called at other tensors than its own, which it has again afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call


def places_of(module: nn.Module) -> dict[str, str]:
    """Every place of a module where a tensor lies, by the first name of that tensor.

    A layer that is registered twice has its places once: PyTorch's functional_call takes a name
    for a place, and would leave the tensors of the call in such a layer.
    """
    named = chain(module.named_parameters(), module.named_buffers())
    first = {id(tensor): name for name, tensor in named}
    places = {}
    for prefix, layer in module.named_modules():
        own: dict[str, Any] = {"prefix": prefix, "recurse": False, "remove_duplicate": False}
        for name, tensor in chain(layer.named_parameters(**own), layer.named_buffers(**own)):
            places[name] = first[id(tensor)]
    return places


def called(
    module: nn.Module, places: Mapping[str, str], tensors: Mapping[str, Tensor], x: Tensor
) -> Any:
    """What a module gives for x at tensors by name; the others stay its own.

    Args:
        module: the module that `places_of` was asked for, or a copy of it.
        places: what it said.
        tensors: by the names of named_parameters() and named_buffers().
        x: the module's one argument.

    Returns:
        Its output.
    """
    seated = {place: tensors[name] for place, name in places.items() if name in tensors}
    return functional_call(module, seated, (x,), tie_weights=False)
