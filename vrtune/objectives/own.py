"""Users' losses and metrics: found by name, and tried on a few samples before a search."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from vrtune.errors import UsageError, shown
from vrtune.objectives.losses import Loss
from vrtune.objectives.metrics import Direction
from vrtune.own.files import in_their_words
from vrtune.own.objects import find

TRIED = 4  # samples


def own_loss(text: str, y: Tensor, outputs: int) -> Loss:
    """The function loss(outputs [n, k], y [n]) -> [n] of a user; of a class, an instance.

    UsageError where it raises, gives no loss a sample, mixes samples, draws random numbers, has no
    gradient, or has parameters of its own. A module is moved to where the outputs are.
    """
    function = _called(text, "loss")
    if isinstance(function, nn.Module):
        if any(p.requires_grad for p in function.parameters()):
            raise UsageError(
                f"loss {text} has parameters of its own, which nobody would train: put them into "
                "the model, or make them buffers"
            )
        function = _Moved(function)
    samples = _samples(y)
    x = torch.randn(len(samples), outputs, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    try:
        losses, again = function(x, samples), function(x, samples)
        first = function(x[:1], samples[:1])
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
    if not torch.allclose(losses, again, equal_nan=True):
        raise UsageError(
            f"loss {text} gives other losses each time: draw no random numbers in it, as estimates "
            "compare losses at two points (noise belongs in the model)"
        )
    (slope,) = torch.autograd.grad(losses[0], x, allow_unused=True)
    mixed = slope is not None and slope[1:].any()
    if mixed or not torch.allclose(losses[:1], first, equal_nan=True):
        raise UsageError(
            f"loss {text} lets a sample's loss depend on others of the batch: each is to depend on "
            "its own outputs and target"
        )
    return cast(Loss, function)


class _Moved:
    """A module that is called where its arguments are."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.device = torch.device("cpu")

    def __call__(self, outputs: Tensor, y: Tensor) -> Any:
        if self.device != outputs.device:
            self.module.to(outputs.device)
            self.device = outputs.device
        return self.module(outputs, y)


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
            found = function(given.cpu(), targets.cpu())
            if isinstance(found, Tensor) and found.numel() != 1:
                raise UsageError(
                    f"metric {text} gives shape {tuple(found.shape)} for {len(targets)} samples: "
                    "return one number for all, as their mean"
                )
            return float(found)
        except UsageError:
            raise
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
