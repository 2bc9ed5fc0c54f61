"""What every gradient estimator offers the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from vrtune.later import Tensor, torch
from vrtune.units import EstimatorSettings

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
    """Runs an estimator on L lanes at once: the class to derive one's own from.

    A class that names its `settings` is enrolled with them. Settings that are no numbers are given
    to the constructor by name. Every tensor of `state` has the lane as first dimension.

    Args:
        weights: the rows [L, P] that will be trained; gives shape, type and device of the state.

    Example:
        >>> from typing import Literal
        >>> from vrtune import SGD, TrialConfig
        >>> from vrtune.estimators import Estimator, EstimatorSettings
        >>> class Scaled(EstimatorSettings):
        ...     kind: Literal["scaled"] = "scaled"
        ...     by: float = 2.0
        >>> class ScaledEstimator(Estimator):
        ...     settings = Scaled
        ...     def estimate(self, weights, hp, clock, gradient):
        ...         (g,) = gradient(weights)
        ...         return hp["by"] * g, None
        >>> TrialConfig(estimator=Scaled(by=0.5), optimizer=SGD(lr=0.1)).estimator
        Scaled(kind='scaled', by=0.5)
    """

    settings: ClassVar[type[EstimatorSettings]]
    # Of the model's tensors, which lie side by side in a row; lanes set it after the constructor.
    shapes: Sequence[torch.Size] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "settings" in vars(cls):
            cls.settings.enrol(cls)

    def __init__(self, weights: Tensor) -> None:
        self.state: dict[str, Tensor] = {}

    def admit(self, rows: Tensor, weights: Tensor) -> None:
        """Prepares `rows` [r] of `weights` [L, P] for new lanes, after their state was zeroed."""

    def snapshot(self, rows: Tensor, weights: Tensor, whole_gradient: WholeGradient) -> None:
        """Takes a snapshot of `rows` [r] of `weights` [L, P], before a step."""

    @abstractmethod
    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, Tensor | None]:
        """The direction of a step, for all lanes.

        Args:
            weights: [L, P], not to be changed.
            hp: a tensor [L, 1] for every number of the settings, [L, n] for a tuple of n; lanes
                with different values share one program.
            clock: epochs and the schedule's factor, each [L, 1].
            gradient: gives g(point; B) at every point [L, P]; the first is `weights`.

        Returns:
            The direction [L, P] for the step rule, and the step size [L, 1] if it is set here.
        """
