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


class LayerFactors(Protocol):
    """A linear layer on a batch: the gradient of sample i is sum_t dZ[i, t] A[i, t]^T."""

    @property
    def weight(self) -> slice:
        """Columns of a row: [d_out, d_in] unrolled."""

    @property
    def bias(self) -> slice | None:
        """Columns of a row: [d_out]."""

    @property
    def A(self) -> Tensor:  # noqa: N802 - as in the papers
        """Inputs [L, B, T, d_in]."""

    @property
    def dZ(self) -> Tensor:  # noqa: N802
        """Gradients of a sample's own loss by the outputs [L, B, T, d_out]."""


@dataclass(frozen=True)
class Factors:
    """Gradients of single samples: of linear layers by their factors, of the rest whole."""

    layers: Sequence[LayerFactors]
    rest: dict[str, tuple[slice, Tensor]]  # columns of a row, and [L, B, *shape]

    def mean(self, like: Tensor) -> Tensor:
        """The mean gradient of the samples, [L, P] as `like` has it."""
        mean = torch.zeros_like(like)
        for layer in self.layers:
            outer = layer.dZ.flatten(1, 2).mT @ layer.A.flatten(1, 2)
            mean[:, layer.weight] = (outer / layer.A.shape[1]).flatten(1).to(mean.dtype)
            if layer.bias is not None:
                mean[:, layer.bias] = layer.dZ.sum(2).mean(1).to(mean.dtype)
        for columns, whole in self.rest.values():
            mean[:, columns] = whole.mean(1).flatten(1)
        return mean


@dataclass(frozen=True)
class TableGradient:
    """The BatchGradient of an estimator that keeps a table: it knows the samples of the batch."""

    gradient: Callable[..., tuple[Tensor, ...]]
    samples: int  # B
    index: Tensor  # [L, B]: the number of each sample in its lane's training part, 0 .. n - 1
    subset: Tensor  # [L, 1]: the number of the batch among those of a partition that is held
    each: Callable[[Tensor], Tensor]  # weights [L, P] to gradients of single samples [L, B, P]
    factors: Callable[[Tensor], Factors]  # the same by factors

    def __call__(self, *points: Tensor) -> tuple[Tensor, ...]:
        """As a BatchGradient. A step asks either this or one of the others, once."""
        return self.gradient(*points)


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
    remembers = True  # if not, a table stays as it is: lanes are looked at, or a step is tried

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "settings" in vars(cls):
            cls.settings.enrol(cls)

    def __init__(self, weights: Tensor) -> None:
        self.state: dict[str, Tensor] = {}

    def room(self, samples: int, batches: int, one: Callable[[], Factors]) -> None:
        """Makes a table large enough for so many samples, in so many batches, of each lane; `one`
        gives the gradient of a sample, for the shapes of its parts."""

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
