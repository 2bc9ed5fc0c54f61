"""A module made ready for lanes: what it draws is keyed, what it does not train is a buffer."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vrtune.gradients.keyed import KEY, add_key, add_rate, key_layers


@dataclass(frozen=True)
class Habits:
    """What a module's code does that its layers do not tell."""

    draws: bool = False  # PyTorch's global random numbers, outside of dropout layers
    recomputes: bool = False  # parts of its forward pass, during the backward pass


def prepared(module: nn.Module, habits: Habits = Habits(), *, rated: bool = False) -> nn.Module:
    """The module itself, changed: dropout layers draw keyed masks, other random numbers are seeded
    by the key, and parameters that need no gradient are buffers, under the names they had. Where
    lanes say how much is dropped, it is `rated`."""
    _freeze(module)
    keyed = key_layers(module, counts=not habits.recomputes, rated=rated)
    if keyed and rated:
        add_rate(module)
    if keyed or habits.draws:
        add_key(module)
    if habits.draws:
        seeded = _Seeded()
        module.register_forward_pre_hook(seeded.begin)
        module.register_forward_hook(seeded.end, always_call=True)
    return module


def draws_globally(module: nn.Module) -> bool:
    """Whether a prepared module draws from PyTorch's global random numbers: only one thread can."""
    hooks = module._forward_pre_hooks.values()
    return any(isinstance(getattr(hook, "__self__", None), _Seeded) for hook in hooks)


def _freeze(module: nn.Module) -> None:
    """Parameters that need no gradient become buffers; tied ones stay tied."""
    made: dict[int, Tensor] = {}
    for layer in module.modules():
        for name, p in list(layer._parameters.items()):
            if p is None or p.requires_grad:
                continue
            buffer = made.setdefault(id(p), p.detach())
            del layer._parameters[name]
            layer.register_buffer(name, buffer)
            setattr(layer, name, buffer)  # recurrent layers keep a list of theirs


class _Seeded:
    """Seeds PyTorch's global random numbers by the key for each forward pass in train mode, and
    puts them back as they were."""

    def __init__(self) -> None:
        self.stack = ExitStack()

    def begin(self, module: nn.Module, inputs: Any) -> None:
        """Before the forward pass."""
        key = module._buffers[KEY]
        if not module.training or key is None:
            return
        devices = [key.device] if key.device.type == "cuda" else []
        self.stack.enter_context(torch.random.fork_rng(devices))
        first, second = key.tolist()
        torch.manual_seed(((first & 0x7FFFFFFF) << 32) | (second & 0xFFFFFFFF))

    def end(self, module: nn.Module, inputs: Any, outputs: Any) -> None:
        """After it, also where it failed."""
        self.stack.close()
