"""Losses a sample: outputs [n, k] and targets [n] to [n], so that lanes and parts stay apart."""

from __future__ import annotations

from collections.abc import Callable

from vrtune.later import Tensor, torch

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(
    outputs: Tensor, y: Tensor, weight: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """- sum_c q_c w_c log softmax(outputs)_c,  q = (1 - s) onehot(y) + s / k,  as PyTorch's."""
    return torch.nn.functional.cross_entropy(
        outputs, y, weight, reduction="none", label_smoothing=smoothing
    )


def mse(outputs: Tensor, y: Tensor) -> Tensor:
    """(output - y)^2"""
    return (outputs[:, 0] - y).square()


def mae(outputs: Tensor, y: Tensor) -> Tensor:
    """|output - y|"""
    return (outputs[:, 0] - y).abs()


def huber(outputs: Tensor, y: Tensor) -> Tensor:
    """e^2 / 2 where |e| = |output - y| is below 1, |e| - 1/2 elsewhere."""
    return torch.nn.functional.smooth_l1_loss(outputs[:, 0], y, reduction="none")


LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross-entropy": cross_entropy,
    "mse": mse,
    "mae": mae,
    "huber": huber,
}
FOR_NUMBERS = {"mse", "mae", "huber"}
