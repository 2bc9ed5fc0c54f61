"""What every gradient estimator offers the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
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


class Estimator(ABC):
    """State of one estimator for L lanes: every tensor of `state` has the lane as first dimension.

    `hp` holds one tensor [L, 1] for every number of the settings, so lanes with different values
    share one program; and the clock: `epoch`, the epochs trained before this one, and `epochs`,
    those of the whole run.
    """

    settings: ClassVar[type[EstimatorSettings]]
    cost: ClassVar[float]  # gradient computations a step; 1 is one mini-batch backward
    keeps_snapshot: ClassVar[bool] = False  # batches are then held from one snapshot to the next

    def __init__(self, weights: Tensor) -> None:
        self.state: dict[str, Tensor] = {}

    def admit(self, rows: Tensor, weights: Tensor) -> None:
        """Prepares rows for new lanes, after their state was set to zero."""

    @staticmethod
    def starts(settings: EstimatorSettings) -> int:
        """The epoch from which the estimate is more than the plain gradient."""
        return 0

    @staticmethod
    def snapshot_period(settings: EstimatorSettings) -> int:
        """Epochs between two snapshots; asked only of estimators that keep one."""
        return 1

    @staticmethod
    def snapshot_batches(settings: EstimatorSettings) -> int | None:
        """Batches that a snapshot is taken over, again after as many steps; None: a whole pass."""
        return None

    def snapshot(self, rows: Tensor, weights: Tensor, whole_gradient: WholeGradient) -> None:
        """Takes a snapshot of `rows`, before a step."""

    @abstractmethod
    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], gradient: BatchGradient
    ) -> tuple[Tensor, Tensor | None]:
        """The direction [L, P] for the step rule, and its step size [L, 1] if set here."""
