"""What every gradient estimator offers the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor

from vrtune.config import EstimatorSettings

# The mean gradient over a snapshot's batches, for some rows: (weights[rows], rows) -> [r, P]
WholeGradient = Callable[[Tensor, Tensor], Tensor]


class BatchGradient(Protocol):
    """Gradients of the step's mini-batch, for all lanes at once."""

    def __call__(self, *points: Tensor) -> tuple[Tensor, ...]:
        """g(point; B) of every point [L, P], tensors of the caller's own. The first point is the
        step's weights; what the others do to batch-norm statistics is undone."""


@dataclass(frozen=True)
class Clock:
    """The time of every lane, each [L, 1]: tensors that stay where they are."""

    epoch: Tensor  # epochs trained before this one
    epochs: Tensor  # of the whole run
    factor: Tensor  # the schedule's, on the step size of this step


class Estimator(ABC):
    """State of one estimator for L lanes: every tensor of `state` has the lane as first dimension.

    A class that names its `settings` is enrolled with them. Settings that are no numbers are given
    to the constructor by name.
    """

    settings: ClassVar[type[EstimatorSettings]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "settings" in vars(cls):
            cls.settings.enrol(cls)

    def __init__(self, weights: Tensor) -> None:
        self.state: dict[str, Tensor] = {}

    def admit(self, rows: Tensor, weights: Tensor) -> None:
        """Prepares rows for new lanes, after their state was set to zero."""

    def snapshot(self, rows: Tensor, weights: Tensor, whole_gradient: WholeGradient) -> None:
        """Takes a snapshot of `rows`, before a step."""

    @abstractmethod
    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, Tensor | None]:
        """The direction [L, P] for the step rule, and its step size [L, 1] if set here.

        `hp` holds a tensor [L, 1] for every number of the settings ([L, n] for a tuple of n), so
        lanes with different values share one program.
        """
