"""What lanes are judged by, beside their loss: predictions [L, m] and targets [L, m] to [L]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vrtune.later import Tensor, torch

BINS = 15  # of the expected calibration error
Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Metric:
    """A way to judge, and which way is better. Of labels, or of numbers."""

    of: Callable[[Tensor, Tensor], Tensor]
    direction: Direction
    numbers: bool = False
    outputs: bool = False  # is given outputs [L, m, k] in place of predictions


def accuracy(predicted: Tensor, y: Tensor) -> Tensor:
    """The share of labels that are right."""
    return (predicted == y).sum(1).to(_exact(y)) / y.shape[1]


def balanced_accuracy(predicted: Tensor, y: Tensor) -> Tensor:
    """The mean over classes of the share that is right among a class's samples."""
    right, of_class, _ = _counts(predicted, y)
    there = of_class > 0
    return (right / of_class.clamp(min=1)).sum(1) / there.sum(1)


def macro_f1(predicted: Tensor, y: Tensor) -> Tensor:
    """The mean over classes of F1 = 2 right / (samples of the class + predictions of it)."""
    right, of_class, named = _counts(predicted, y)
    met = (of_class + named) > 0
    return (2 * right / (of_class + named).clamp(min=1)).sum(1) / met.sum(1)


def calibration_error(outputs: Tensor, y: Tensor) -> Tensor:
    """The expected calibration error, of 15 bins of equal width by the largest probability.

    sum_b |right in b - sum of the probabilities in b| / m   (Guo et al., ICML 2017)
    """
    probability, predicted = outputs.to(_exact(y)).softmax(2).max(2)
    bins = (probability * BINS).ceil().long().sub(1).clamp_(0, BINS - 1)
    gap = (predicted == y).to(probability) - probability
    of_bins = gap.new_zeros(len(gap), BINS).scatter_add_(1, bins, gap)
    return of_bins.abs().sum(1) / y.shape[1]


def rmse(predicted: Tensor, y: Tensor) -> Tensor:
    """sqrt(mean (prediction - y)^2), in the units of y."""
    return (predicted - y).square().mean(1).sqrt()


def mean_absolute_error(predicted: Tensor, y: Tensor) -> Tensor:
    """mean |prediction - y|, in the units of y."""
    return (predicted - y).abs().mean(1)


def r2(predicted: Tensor, y: Tensor) -> Tensor:
    """1 - sum (prediction - y)^2 / sum (y - mean y)^2: 1 is perfect, 0 no better than the mean."""
    spread = (y - y.mean(1, keepdim=True)).square().sum(1)
    return 1 - (predicted - y).square().sum(1) / spread


def _counts(predicted: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of every class, [L, classes]: predictions that are right, samples, predictions."""
    classes = int(torch.maximum(predicted.max(), y.max())) + 1
    return (
        _tally(torch.where(predicted == y, y, classes), classes + 1)[:, :classes],
        _tally(y, classes),
        _tally(predicted, classes),
    )


def _tally(labels: Tensor, classes: int) -> Tensor:
    """How often each label occurs in each row, [L, classes]."""
    out = torch.zeros(len(labels), classes, dtype=_exact(labels), device=labels.device)
    return out.scatter_add_(1, labels, torch.ones_like(labels, dtype=out.dtype))


def _exact(like: Tensor) -> torch.dtype:
    return torch.float32 if like.device.type == "mps" else torch.float64  # which it lacks


METRICS: dict[str, Metric] = {
    "accuracy": Metric(accuracy, "maximize"),
    "balanced-accuracy": Metric(balanced_accuracy, "maximize"),
    "macro-f1": Metric(macro_f1, "maximize"),
    "ece": Metric(calibration_error, "minimize", outputs=True),
    "rmse": Metric(rmse, "minimize", numbers=True),
    "mae": Metric(mean_absolute_error, "minimize", numbers=True),
    "r2": Metric(r2, "maximize", numbers=True),
}
