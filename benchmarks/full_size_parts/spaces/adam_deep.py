"""The source's Adam on ResNet-101: smaller learning rates."""

from .adam import suggest as suggest

GRID = {"lr": [1e-4, 1e-5, 1e-6]}
