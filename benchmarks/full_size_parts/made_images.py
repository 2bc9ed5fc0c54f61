"""Made images in 100 classes, 8x8: ResNet-101's outputs where CIFAR-100 is not at hand."""

from __future__ import annotations

from typing import Any

import numpy as np

CLASSES, EACH, SHAPE = 100, 2, (3, 8, 8)
HUNDRED = f"{__file__}:hundred"  # as a task's data set


def hundred() -> dict[str, Any]:
    """Two training images of each class and one to test on: its pattern, under noise."""
    random = np.random.default_rng(1)
    patterns = random.random((CLASSES, *SHAPE))

    def images(each: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.repeat(np.arange(CLASSES), each)
        x = 0.5 * patterns[y] + 0.5 * random.random((len(y), *SHAPE))
        return (255 * x).astype(np.uint8), y

    (x, y), (x_test, y_test) = images(EACH), images(1)
    return {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}
