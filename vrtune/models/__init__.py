"""Architectures: plain modules. A new one is a file here and a line below."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from torch import nn

from vrtune.errors import UsageError
from vrtune.models.densenet import densenet40, densenet169
from vrtune.models.lenet import LeNet
from vrtune.models.lenet_relu import LeNetReLU
from vrtune.models.resnet import resnet18, resnet18_small, resnet50, resnet101, resnet110
from vrtune.models.sixconv import SixConv
from vrtune.models.softmax import Softmax

# (shape [C, H, W], classes, norm) -> module
MODELS: dict[str, Callable[[tuple[int, int, int], int, str], nn.Module]] = {
    "lenet": LeNet,
    "softmax": Softmax,
    "lenet-relu": LeNetReLU,
    "sixconv": SixConv,
    "resnet18-small": resnet18_small,
    "resnet18": resnet18,
    "resnet101": resnet101,
    "resnet110": resnet110,
    "densenet40": densenet40,
    # made for ImageNet's 3x224x224
    "resnet50": resnet50,
    "densenet169": densenet169,
}


def build(model: str, shape: tuple[int, int, int], classes: int, norm: str) -> nn.Module:
    """The architecture called `model`, freshly initialised. UsageError for an unknown name."""
    if model not in MODELS:
        near = difflib.get_close_matches(model, MODELS, 1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(MODELS)}"
        raise UsageError(f"there is no model {model!r}: {hint}")
    return MODELS[model](shape, classes, norm)
