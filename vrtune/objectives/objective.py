"""Objective: a task's loss a sample and its metrics, built of names and of users' functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.objectives.likelihood import labels, numbers
from vrtune.objectives.losses import FOR_NUMBERS, LOSSES, Loss
from vrtune.objectives.metrics import METRICS, Direction, Metric
from vrtune.objectives.own import own_loss, own_metric
from vrtune.own.objects import is_object, short


@dataclass(frozen=True, eq=False)
class Objective:
    """What lanes minimise, and what they are judged by.

    `each` gives a loss a sample; `metric` names what the study is judged by, "loss" or one of
    `metrics`; `guess` is the mean loss of outputs that are all zero, by which a training failed,
    or NaN where it is not the loss that decides: an accurate net may have a large one.
    """

    each: Loss
    metrics: dict[str, Metric]
    own: dict[str, Callable[[Tensor, Tensor], float]]  # of one lane's outputs [m, k] or [m]
    metric: str
    direction: Direction
    numbers: bool
    guess: float

    @property
    def score(self) -> str:
        """The figure that is shown beside the loss."""
        return self.metric if self.metric != "loss" else next(iter(self.metrics))

    @property
    def draw(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        """Draws targets of the distribution that `each` is minus the log likelihood of, from
        outputs and uniform numbers; None where it is of none that is known here."""
        if isinstance(self.each, _CrossEntropy):
            return labels
        return numbers if self.each is LOSSES["mse"] else None

    @property
    def names(self) -> tuple[str, ...]:
        """All that is recorded beside the loss."""
        return (*self.metrics, *self.own)

    def mean(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Mean losses [r] of outputs [r, B, k] and targets [r, B]."""
        return self.each(outputs.flatten(0, 1), y.flatten(0, 1)).view(y.shape).mean(1)

    @property
    def whole(self) -> bool:
        """Whether a metric is of outputs, not of predictions alone."""
        return bool(self.own) or any(metric.outputs for metric in self.metrics.values())

    def calibrated(self) -> Objective:
        """The same, with the expected calibration error among the metrics of labels."""
        if self.numbers or "ece" in self.metrics:
            return self
        return replace(self, metrics={**self.metrics, "ece": METRICS["ece"]})

    def judge(self, outputs: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Every metric [L] of outputs [L, m, k], or predictions [L, m] where none asks for more."""
        whole = outputs.dim() == 3
        predicted = self.predictions(outputs) if whole else outputs
        found = {
            name: metric.of(outputs if metric.outputs else predicted, y)
            for name, metric in self.metrics.items()
        }
        for name, function in self.own.items():
            seen = predicted if self.numbers else outputs
            values = [function(o, t) for o, t in zip(seen, y, strict=True)]
            found[name] = torch.tensor(values, dtype=torch.float64)
        return found

    def predictions(self, outputs: Tensor) -> Tensor:
        """The label, or the number, that outputs [..., k] stand for."""
        return outputs[..., 0].double() if self.numbers else outputs.argmax(-1)


def objective_of(task: Task, y: Tensor, outputs: int) -> Objective:
    """The objective of a task whose training targets are y [N], labels (int64) or numbers, and
    whose models give so many outputs a sample.

    Raises UsageError where loss or metric is not known, does not fit the targets, or is a user's
    function that can't be used.
    """
    numbers = y.is_floating_point()
    each = _loss(task, y, outputs)
    chosen = ["r2", "rmse", "mae"] if numbers else ["accuracy"]
    own: dict[str, Callable[[Tensor, Tensor], float]] = {}
    name = task.metric
    direction: Direction = "minimize"
    if is_object(name):
        function, direction = own_metric(name, y, outputs)
        name = short(name)
        if name in METRICS or name == "loss":
            raise UsageError(f"metric {task.metric} has the name of one of vrtune's: rename it")
        own[name] = function
    elif name != "loss":
        metric = METRICS.get(name)
        if metric is None:
            raise UsageError(
                f"there is no metric {name!r}: choose one of loss, {', '.join(METRICS)}, or give "
                "FILE.py:FUNCTION"
            )
        _refuse_unfit("metric", name, metric.numbers, numbers)
        direction = metric.direction
        chosen += [name] if name not in chosen else []
    return Objective(
        each=each,
        metrics={name: METRICS[name] for name in chosen},
        own=own,
        metric=name,
        direction=direction,
        numbers=numbers,
        guess=_guess(each, y, outputs, own=is_object(task.loss)) if name == "loss" else math.nan,
    )


def _loss(task: Task, y: Tensor, outputs: int) -> Loss:
    numbers, name = y.is_floating_point(), task.loss
    if name == "auto":
        name = "mse" if numbers else "cross-entropy"
    if task.label_smoothing or task.class_weights != "none":
        option = "label_smoothing" if task.label_smoothing else "class_weights"
        if numbers or name != "cross-entropy":
            raise UsageError(
                f"{option} belongs to cross-entropy on labels, and the loss is {name}: leave it out"
            )
    if is_object(name):
        return own_loss(name, y, outputs)
    if name not in LOSSES:
        raise UsageError(
            f"there is no loss {name!r}: choose one of auto, {', '.join(LOSSES)}, or give "
            "FILE.py:FUNCTION"
        )
    _refuse_unfit("loss", name, name in FOR_NUMBERS, numbers)
    if name != "cross-entropy":
        return LOSSES[name]
    return _CrossEntropy(_class_weights(task, y, outputs), task.label_smoothing)


class _CrossEntropy:
    """Cross-entropy with class weights, which are moved to where the outputs are."""

    def __init__(self, weight: Tensor | None, smoothing: float) -> None:
        self.weight, self.smoothing = weight, smoothing

    def __call__(self, outputs: Tensor, y: Tensor) -> Tensor:
        if self.weight is not None and (
            self.weight.device != outputs.device or self.weight.dtype != outputs.dtype
        ):
            self.weight = self.weight.to(outputs)
        return LOSSES["cross-entropy"](outputs, y, self.weight, self.smoothing)


def _class_weights(task: Task, y: Tensor, outputs: int) -> Tensor | None:
    """One weight a class; balanced: samples / (classes x samples of the class)."""
    given: Any = task.class_weights
    if given == "none":
        return None
    if given == "balanced":
        return len(y) / (outputs * y.bincount(minlength=outputs).clamp(min=1).float())
    if len(given) != outputs:
        raise UsageError(
            f"class_weights holds {len(given)} weights, and there are {outputs} classes: give one "
            "for each"
        )
    return torch.tensor(given, dtype=torch.float32)


def _refuse_unfit(what: str, name: str, for_numbers: bool, numbers: bool) -> None:
    if for_numbers != numbers:
        kinds = ("numbers", "labels") if for_numbers else ("labels", "numbers")
        raise UsageError(
            f"{what} {name} is for {kinds[0]}, and the targets of the data are {kinds[1]}: choose "
            "another"
        )


def _guess(each: Loss, y: Tensor, outputs: int, *, own: bool) -> float:
    """The mean loss of outputs that are all zero; not finite where that says nothing."""
    numbers = y.is_floating_point()
    targets = (y - y.mean()) / y.std(unbiased=False) if numbers else torch.arange(outputs)
    zeros = torch.zeros(len(targets), outputs, dtype=torch.float32 if own else torch.float64)
    losses = partial(each, zeros)(targets).double()
    if numbers:
        return float(losses.mean())
    counts = y.bincount(minlength=outputs).double()
    guess = float((losses * counts).sum() / counts.sum())
    return guess if math.isfinite(guess) else math.nan
