"""Architectures: plain modules. A new one is a file here and a line below."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from torch import nn

from vrtune.errors import UsageError
from vrtune.models.lenet import LeNet
from vrtune.models.softmax import Softmax

# (shape [C, H, W], classes, norm) -> module
MODELS: dict[str, Callable[[tuple[int, int, int], int, str], nn.Module]] = {
    "lenet": LeNet,
    "softmax": Softmax,
}


def build(model: str, shape: tuple[int, int, int], classes: int, norm: str) -> nn.Module:
    """The architecture called `model`, freshly initialised. UsageError for an unknown name."""
    if model not in MODELS:
        near = difflib.get_close_matches(model, MODELS, 1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(MODELS)}"
        raise UsageError(f"there is no model {model!r}: {hint}")
    return MODELS[model](shape, classes, norm)
