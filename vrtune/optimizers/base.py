"""What every step rule offers the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from vrtune.later import Tensor
from vrtune.units import OptimizerSettings

if TYPE_CHECKING:
    import torch

    from vrtune.gradients.factored import LayerFactors

# The estimate at other weights [L, P], of the same batch, the estimator as it was before the step
Again = Callable[[Tensor], Tensor]
# The mean loss [L] at weights [L, P] over each lane's whole training part, in eval mode
Potential = Callable[[Tensor], Tensor]


class StepRule(ABC):
    """Runs a step rule on L lanes at once: the class to derive one's own from.

    A class that names its `settings` is enrolled with them. Settings that are no numbers are given
    to the constructor by name. Every tensor of `state` has the lane as first dimension.

    Args:
        weights: the rows [L, P] that will be trained; gives shape, type and device of the state.

    Example:
        >>> from typing import Literal
        >>> from vrtune import TrialConfig
        >>> from vrtune.optimizers import OptimizerSettings, StepRule
        >>> class Sign(OptimizerSettings):
        ...     kind: Literal["sign"] = "sign"
        >>> class SignRule(StepRule):
        ...     settings = Sign
        ...     def step(self, weights, d, eta, hp):
        ...         weights.sub_(eta * d.sign())
        >>> TrialConfig(optimizer=Sign(lr=0.01)).optimizer
        Sign(lr=0.01, kind='sign')
    """

    settings: ClassVar[type[OptimizerSettings]]
    captures: ClassVar[bool] = True  # its step can be replayed as a CUDA graph
    layers: ClassVar[bool] = False  # is shown the model's layers on the step's batch by `observe`
    sampled: bool = False  # with gradients at targets that are drawn from what the model says
    # Of the model's tensors, which lie side by side in a row; lanes set it after the constructor.
    shapes: Sequence[torch.Size] = ()
    # Of the lanes, likewise: "samples" [L, 1], of each training part; "steps" [L, 1], of the run;
    # "key" [L, 2], two numbers of 32 bits that name a lane's stream, for noise that is a function
    # of its name.
    about: Mapping[str, Tensor] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "settings" in vars(cls):
            cls.settings.enrol(cls)

    def __init__(self, weights: Tensor) -> None:
        self.state: dict[str, Tensor] = {}

    def held(self, settings: OptimizerSettings) -> int:
        """Rows of W that a lane with these settings takes beside `state`."""
        return 0

    def seat(self, rows: Sequence[int], settings: Sequence[OptimizerSettings]) -> None:
        """Is told of the settings of the new lanes in `rows`, whose state was zeroed."""

    def keep(self, keep: Sequence[int], extra: int) -> None:
        """Is told that these rows stay, in that order, and `extra` empty ones come after them."""

    def memory(self, row: int) -> dict[str, Any]:
        """What a lane in `row` has come to beside its part of `state`: numbers, text, tensors, and
        lists and dictionaries of these. ValueError where there is something else."""
        return {}

    def remember(self, row: int, weights: Tensor, memory: Mapping[str, Any]) -> None:
        """Takes a `memory` back for a lane that was seated in `row` of weights [L, P]."""

    def judged(self, weights: Tensor) -> Tensor:
        """The weights [L, P] that lanes are judged by and saved with: those that train."""
        return weights

    def ensemble(self, weights: Tensor) -> list[Tensor]:
        """The weights [L, P] whose predictions are averaged when lanes are judged: those alone."""
        return [self.judged(weights)]

    def shares(self) -> Tensor | None:
        """The share [L, m] of each of them in the mean; None: they are alike."""
        return None

    def kept(self) -> list[Tensor]:
        """Samples [L, P] of a posterior, the oldest first; none of a rule that takes none."""
        return []

    def views(self, rows: Tensor) -> list[Tensor]:
        """Each of the model's tensors as a view [L, *shape] of rows [L, P]; unknown ones are one
        matrix."""
        shapes: Sequence[Sequence[int]] = self.shapes or [(1, rows.shape[1])]
        columns = rows.split([prod(shape) for shape in shapes], dim=1)
        return [c.view(len(rows), *shape) for c, shape in zip(columns, shapes, strict=True)]

    def admit(self, rows: Tensor, hp: dict[str, Tensor]) -> None:
        """Prepares `rows` [r] for new lanes, after their state was zeroed; `hp` as in `step`."""

    def observe(self, layers: Sequence[LayerFactors]) -> None:
        """Sees the layers of some lanes on the step's batch, before `step`: one call after another
        shows all of them, in their order."""

    @abstractmethod
    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        """Moves the rows of `weights` in place.

        Args:
            weights: [L, P].
            d: the estimator's direction [L, P]; may not be changed, as STORM keeps it.
            eta: step sizes [L, 1], the schedule's factor included.
            hp: a tensor [L, 1] for every number of the settings, [L, n] for a tuple of n.
        """

    def adjusted(
        self,
        weights: Tensor,
        d: Tensor,
        eta: Tensor,
        hp: dict[str, Tensor],
        again: Again,
        potential: Potential,
    ) -> None:
        """Takes the place of `step` where the settings say `adjusts`, which looks at other weights
        before it moves. Penalties are in `d`, in what `again` gives and in the potential."""
        self.step(weights, d, eta, hp)
