"""What every average of weights offers the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from vrtune.estimators.base import Clock
from vrtune.later import Tensor
from vrtune.units import AverageSettings


class Average(ABC):
    """Says how the mean weights of L lanes follow those that train: derive your own from it.

        mean <- mean + rate (w - mean),   after every step; batch-norm statistics likewise

    A class that names its `settings` is enrolled with them. Settings that are no numbers are given
    to the constructor by name. Every tensor of `state` has the lane as first dimension.

    Args:
        weights: the rows [L, P] that will be trained; gives shape, type and device of the state.

    Example:
        >>> from typing import Literal
        >>> from vrtune import SGD, TrialConfig
        >>> from vrtune.averages import Average, AverageSettings
        >>> class Half(AverageSettings):
        ...     kind: Literal["half"] = "half"
        ...     share: float = 0.5
        >>> class HalfAverage(Average):
        ...     settings = Half
        ...     def rate(self, hp, clock):
        ...         return hp["share"]
        >>> TrialConfig(optimizer=SGD(lr=0.1), average=Half()).average
        Half(kind='half', share=0.5)
    """

    settings: ClassVar[type[AverageSettings]]
    keeps: ClassVar[bool] = True  # the mean differs from the weights that train

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "settings" in vars(cls):
            cls.settings.enrol(cls)

    def __init__(self, weights: Tensor) -> None:
        self.state: dict[str, Tensor] = {}

    @abstractmethod
    def rate(self, hp: dict[str, Tensor], clock: Clock) -> Tensor:
        """How far the mean moves to the weights after a step, [L, 1]: 1 sets it to them.

        Args:
            hp: a tensor [L, 1] for every number of the settings, [L, n] for a tuple of n.
            clock: epochs and the schedule's factor, each [L, 1].
        """
