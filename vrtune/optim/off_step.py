"""What a gradient at other weights leaves as it was: buffers of modules, and random numbers."""

from __future__ import annotations

import gc
import random
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

Modules = list["weakref.ref[nn.Module]"]


def modules_of(params: Sequence[Tensor]) -> Modules:
    """Every module that holds one of the parameters, however deep, and all that lies in those.

    They are looked for among all objects there are, once for an optimizer, so nobody has to name
    the model; and a compiled or wrapped one is found beside the one inside.
    """
    ours = {id(p) for p in params}
    found: dict[int, nn.Module] = {}
    for module in gc.get_objects():
        if issubclass(type(module), nn.Module) and id(module) not in found:
            try:
                if any(id(p) in ours for p in module.parameters()):
                    found |= {id(inner): inner for inner in module.modules()}
            except AttributeError:  # it is being made
                continue
    return [weakref.ref(module) for module in found.values()]


class Buffers:
    """Inside, what forward passes do to buffers is noted, and undone at the end.

    Those of the modules given, and of any that is called: a discriminator's batch norm that the
    generator's loss passes through. Only where one of the modules given is compiled, others are not
    looked for, as the hook that sees their calls would have it compiled anew.
    """

    def __init__(self, modules: Modules) -> None:
        self.saved: dict[int, list[tuple[dict[str, Any], str, Tensor, Tensor]]] = {}
        alive = [module for module in (ref() for ref in modules) if module is not None]
        for module in alive:
            self._save(module)
        self.compiled = any(map(_is_compiled, alive))

    def __enter__(self) -> None:
        self.hook = None if self.compiled else register_module_forward_pre_hook(self._called)

    def __exit__(self, *_: object) -> None:
        if self.hook is not None:
            self.hook.remove()
        for saved in self.saved.values():
            for buffers, name, buffer, value in saved:
                buffer.copy_(value)
                if buffers.get(name) is not buffer:  # another was put there
                    buffers[name] = buffer

    def _called(self, module: nn.Module, _: object) -> None:
        if not torch.compiler.is_compiling() and id(module) not in self.saved:
            with torch.no_grad():
                for inner in module.modules():
                    self._save(inner)

    def _save(self, module: nn.Module) -> None:
        if id(module) not in self.saved:
            buffers = module._buffers
            self.saved[id(module)] = [
                (buffers, name, b, b.detach().clone())
                for name, b in buffers.items()
                if b is not None
            ]


def _is_compiled(module: nn.Module) -> bool:
    return hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None


def random_state(
    device: torch.device, generators: Iterable[torch.Generator] = ()
) -> Callable[[], None]:
    """The random numbers that come next, of PyTorch, NumPy and Python; a call brings them back."""
    python, cpu = random.getstate(), torch.get_rng_state()
    numpy = sys.modules.get("numpy")
    of_numpy = None if numpy is None else numpy.random.get_state()
    module = None if device.type in ("cpu", "meta") else torch.get_device_module(device)
    of_device = None if module is None else module.get_rng_state(device)
    others = [(generator, generator.get_state()) for generator in generators]

    def bring_back() -> None:
        random.setstate(python)
        torch.set_rng_state(cpu)
        if numpy is not None:
            numpy.random.set_state(of_numpy)
        if module is not None:
            module.set_rng_state(of_device, device)
        for generator, state in others:
            generator.set_state(state)

    return bring_back


@contextmanager
def same_random(device: torch.device, loader: object = None) -> Iterator[None]:
    """Afterwards the random numbers are those from before; a loader draws its next order again."""
    sampler, batches = getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)
    holders = [loader, sampler, batches, getattr(batches, "sampler", None)]
    drawn = [getattr(holder, "generator", None) for holder in holders]
    own = {id(g): g for g in drawn if isinstance(g, torch.Generator)}
    bring_back = random_state(device, own.values())
    try:
        yield
    finally:
        bring_back()
