"""Users' architectures: a class or a function in a file of theirs, or of an installed package."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from vrtune.errors import UsageError, VrtuneError, shown
from vrtune.own.files import in_their_words
from vrtune.own.objects import find

GIVEN = "shape (C, H, W), classes (or outputs), and norm"
_WITHOUT = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def own_model(text: str, shape: tuple[int, int, int], outputs: int, norm: str) -> nn.Module:
    """The module that a user's class or function makes, given what it asks for by name.

    Args:
        text: FILE.py:NAME or package.module:NAME.
        shape: of a sample, [C, H, W].
        outputs: numbers that the module gives a sample: one for each class.
        norm: none, batch or layer.

    Returns:
        The module, its lazy layers made by a pass over zeros.

    Raises:
        UsageError: it can't be found, asks for something else, takes no norm and is to, fails, or
            makes no module.
    """
    with torch.random.fork_rng([]):  # a file may draw when it is imported, which it is once
        make = find(text, "model").value
    if isinstance(make, nn.Module) or not callable(make):
        what = "a module" if isinstance(make, nn.Module) else shown(make)
        raise UsageError(
            f"model {text} is {what}: give a class, or a function that makes a module, as every "
            "training starts from weights of its own"
        )
    given = _asked_for(make, text, {"shape": shape, "outputs": outputs, "norm": norm})
    said = ", ".join(f"{name}={value!r}" for name, value in given.items())
    try:
        module = make(**given)
    except VrtuneError:
        raise
    except Exception as error:
        raise UsageError(
            f"model {text} can't be made with ({said}): it raises {in_their_words(error)}"
        ) from error
    if not isinstance(module, nn.Module):
        raise UsageError(f"model {text} makes {shown(module)}: return a torch.nn.Module")
    if any(map(is_lazy, [*module.parameters(), *module.buffers()])):
        _fill(module, text, shape)
    return module


def _asked_for(make: Callable[..., Any], text: str, known: dict[str, Any]) -> dict[str, Any]:
    """Of what is known, the parameters that a callable names."""
    known = {**known, "classes": known["outputs"]}
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        raise UsageError(
            f"model {text} doesn't say what it takes: write a function around it that takes "
            f"what it needs of {GIVEN}"
        ) from None
    given = {}
    for p in parameters:
        if p.name in known and p.kind not in (*_WITHOUT, p.POSITIONAL_ONLY):
            given[p.name] = known[p.name]
        elif p.default is p.empty and p.kind not in _WITHOUT:
            raise UsageError(
                f"model {text} needs {p.name!r}, which nobody gives it: give it a default; a model "
                f"takes what it needs of {GIVEN}, by name"
            )
    if known["norm"] != "none" and "norm" not in given:
        raise UsageError(
            f"model {text} takes no norm, and {known['norm']} is asked for: leave --norm out, "
            "or give it a parameter named norm"
        )
    return given


def _fill(module: nn.Module, text: str, shape: tuple[int, int, int]) -> None:
    """Makes the parameters of lazy layers."""
    trains = module.training
    try:
        with torch.no_grad():
            module.eval()(torch.zeros(2, *shape))
    except Exception as error:
        raise UsageError(
            f"model {text} raises {in_their_words(error)} on a batch of shape {[2, *shape]}, "
            "which its lazy layers need to be made: mend its forward"
        ) from error
    module.train(trains)
    lazy = next((name for name, p in module.named_parameters() if is_lazy(p)), None)
    if lazy:
        raise UsageError(f"model {text} never uses {lazy}, whose layer is lazy: take it out")
