"""Users' losses and metrics: found by name, and tried on a few samples before a search."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from vrtune.errors import UsageError, shown
from vrtune.objectives.losses import Loss
from vrtune.objectives.metrics import Direction
from vrtune.own.files import in_their_words
from vrtune.own.objects import find

TRIED = 4  # samples


def own_loss(text: str, y: Tensor, outputs: int) -> Loss:
    """The function loss(outputs [n, k], y [n]) -> [n] of a user; of a class, an instance.

    UsageError where it raises, gives no loss a sample, mixes samples, or has no gradient.
    """
    function = _called(text, "loss")
    samples = _samples(y)
    x = torch.randn(len(samples), outputs, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    try:
        losses = function(x, samples)
    except Exception as error:
        raise UsageError(_raises("loss", text, x, samples, error)) from error
    if not isinstance(losses, Tensor) or losses.shape != samples.shape:
        got = f"shape {tuple(losses.shape)}" if isinstance(losses, Tensor) else shown(losses)
        raise UsageError(
            f"loss {text} gives {got} for {len(samples)} samples: return a loss a sample, "
            f"[{len(samples)}], as with reduction='none'"
        )
    if not losses.requires_grad:
        raise UsageError(f"loss {text} has no gradient: compute it from the outputs by torch alone")
    (slope,) = torch.autograd.grad(losses[0], x, allow_unused=True)
    if slope is not None and slope[1:].any():
        raise UsageError(
            f"loss {text} lets a sample's loss depend on others of the batch: each is to depend on "
            "its own outputs and target"
        )
    return cast(Loss, function)


def own_metric(
    text: str, y: Tensor, outputs: int
) -> tuple[Callable[[Tensor, Tensor], float], Direction]:
    """The function metric(outputs [m, k], y [m]) -> float of a user, and which way is better; of
    numbers the outputs are predictions [m]. UsageError where it raises, gives no number, or does
    not say its direction."""
    function = _called(text, "metric")
    direction = getattr(function, "direction", None)
    if direction not in ("minimize", "maximize"):
        name = text.rpartition(":")[2]
        raise UsageError(
            f"metric {text} doesn't say which way is better: write {name}.direction = "
            '"maximize" (or "minimize") below it'
        )
    samples = _samples(y)
    x = torch.randn(len(samples), outputs, generator=torch.Generator().manual_seed(0))
    x = x[:, 0] if y.is_floating_point() else x

    def value(given: Tensor, targets: Tensor) -> float:
        try:
            return float(function(given.cpu(), targets.cpu()))
        except Exception as error:
            raise UsageError(_raises("metric", text, given, targets, error)) from error

    if math.isinf(value(x, samples)):
        raise UsageError(f"metric {text} is infinite for {TRIED} samples: let it give a number")
    return value, direction


def _called(text: str, what: str) -> Callable[..., Any]:
    function = find(text, what).value
    if isinstance(function, type):
        try:
            function = function()
        except Exception as error:
            raise UsageError(
                f"{what} {text} can't be made without arguments ({in_their_words(error)}): give "
                "them defaults"
            ) from error
    if not callable(function):
        raise UsageError(f"{what} {text} is no function: it is {shown(function)}")
    return cast(Callable[..., Any], function)


def _samples(y: Tensor) -> Tensor:
    """A few targets, standardised where they are numbers."""
    some = y[torch.linspace(0, len(y) - 1, min(TRIED, len(y))).long()]
    return (some - y.mean()) / y.std(unbiased=False) if y.is_floating_point() else some


def _raises(what: str, text: str, x: Tensor, y: Tensor, error: Exception) -> str:
    shapes = f"outputs {list(x.shape)} and targets {list(y.shape)}"
    return f"{what} {text} raises {in_their_words(error)} for {shapes}: mend it"
