"""What every initialisation offers the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from vrtune.later import Tensor
from vrtune.units import InitSettings

if TYPE_CHECKING:
    from torch import Generator

# The mean loss of each lane on a batch, differentiable twice: (parameters, x, y) -> [r].
# Each parameter is a tensor [r, *shape]; x is [r, B, C, H, W], y [r, B].
Losses = Callable[[list[Tensor], Tensor, Tensor], Tensor]
# A batch of noise for the given step: N(0, 1) inputs and uniform labels, the lane first.
Probe = Callable[[int], tuple[Tensor, Tensor]]


class Init(ABC):
    """Changes freshly drawn weights before a lane's first step: the class to derive one's own from.

    A class that names its `settings` is enrolled with them. Settings that are no numbers are given
    to the constructor by name.

    Example:
        >>> from typing import Literal
        >>> from vrtune import SGD, TrialConfig
        >>> from vrtune.inits import Init, InitSettings
        >>> class Smaller(InitSettings):
        ...     kind: Literal["smaller"] = "smaller"
        >>> class SmallerInit(Init):
        ...     settings = Smaller
        ...     def start(self, parameters, hp, losses, probe):
        ...         for p in parameters:
        ...             p.mul_(0.5)
        >>> TrialConfig(optimizer=SGD(lr=0.1), init=Smaller()).init
        Smaller(kind='smaller')
    """

    settings: ClassVar[type[InitSettings]]
    asks_for_losses: ClassVar[bool] = True  # false for one that draws weights, and no more
    sources: Sequence[Generator]  # random numbers of each lane, keyed by its stream; set before

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "settings" in vars(cls):
            cls.settings.enrol(cls)

    @abstractmethod
    def start(
        self, parameters: list[Tensor], hp: dict[str, Tensor], losses: Losses, probe: Probe
    ) -> None:
        """Changes the parameters of r new lanes in place.

        Args:
            parameters: the model's, in its order, each [r, *shape].
            hp: a tensor [r, 1] for every number of the settings, [r, n] for a tuple of n.
            losses: the mean loss of each lane on a batch, differentiable twice.
            probe: gives the batch of noise for a step, counted from 0.

        `self.sources` are r generators of random numbers, one a lane: drawn from by nothing else,
        and the same for every trial that starts on a stream.
        """
