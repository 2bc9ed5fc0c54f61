"""Architectures: plain modules. A new one is a file here and a line below."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from vrtune.errors import UsageError
from vrtune.later import Named

if TYPE_CHECKING:
    from torch import nn

# (shape [C, H, W], classes, norm) -> module
MODELS = {
    "lenet": Named("vrtune.models.lenet", "LeNet"),
    "softmax": Named("vrtune.models.softmax", "Softmax"),
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
    """The architecture called `model`, freshly initialised. UsageError for an unknown name."""
    if model not in MODELS:
        near = difflib.get_close_matches(model, MODELS, 1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(MODELS)}"
        raise UsageError(f"there is no model {model!r}: {hint}")
    module: nn.Module = MODELS[model](shape, classes, norm)
    return module
