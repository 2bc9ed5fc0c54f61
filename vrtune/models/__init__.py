"""Architectures: plain modules. A new one is a file here and a line below."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from vrtune.errors import UsageError
from vrtune.later import Named
from vrtune.own.objects import is_object

if TYPE_CHECKING:
    from torch import nn

# (shape [C, H, W], classes, norm) -> module
MODELS = {
    "lenet": Named("vrtune.models.lenet", "LeNet"),
    "softmax": Named("vrtune.models.softmax", "Softmax"),
    "mlp": Named("vrtune.models.mlp", "MLP"),
    "tabular": Named("vrtune.models.tabular", "Tabular"),
    "lenet-relu": Named("vrtune.models.lenet_relu", "LeNetReLU"),
    "sixconv": Named("vrtune.models.sixconv", "SixConv"),
    "resnet18-small": Named("vrtune.models.resnet", "resnet18_small"),
    "resnet18": Named("vrtune.models.resnet", "resnet18"),
    "resnet101": Named("vrtune.models.resnet", "resnet101"),
    "resnet110": Named("vrtune.models.resnet", "resnet110"),
    "densenet40": Named("vrtune.models.densenet", "densenet40"),
    # made for ImageNet's 3x224x224
    "resnet50": Named("vrtune.models.resnet", "resnet50"),
    "densenet169": Named("vrtune.models.densenet", "densenet169"),
}


def build(model: str, shape: tuple[int, int, int], classes: int, norm: str) -> nn.Module:
    """An architecture, freshly initialised.

    Args:
        model: its name, or a user's: FILE.py:NAME or package.module:NAME.
        shape: of a sample, [C, H, W].
        classes: numbers that it gives a sample: one for each class, or one.
        norm: none, batch or layer.

    Raises:
        UsageError: the name is unknown, or a user's class or function won't do.

    Example:
        >>> from vrtune.models import build
        >>> sum(p.numel() for p in build("softmax", (1, 8, 8), 10, "none").parameters())
        650
    """
    if is_object(model):
        from vrtune.models.own import own_model  # imports PyTorch

        return own_model(model, shape, classes, norm)
    if model.endswith(".py"):
        raise UsageError(f"model {model} is a file: give {model}:NAME, the class or function in it")
    if model not in MODELS:
        near = difflib.get_close_matches(model, MODELS, 1)
        known = f"choose one of {', '.join(MODELS)}, or give FILE.py:NAME"
        hint = f"did you mean {near[0]}?" if near else known
        raise UsageError(f"there is no model {model!r}: {hint}")
    module: nn.Module = MODELS[model](shape, classes, norm)
    return module
