"""What every penalty offers the training loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from vrtune.later import Tensor, torch
from vrtune.units import PenaltySettings


class Penalty:
    """Draws the weights of L lanes towards zero: the class to derive one's own from.

    d <- add(w, d),   w <- decay(w),   w <- rule(w, d),   w <- shrink(w)

    A class that names its `settings` is enrolled with them. Settings that are no numbers are given
    to the constructor by name. A penalty is known exactly, so there is no noise in it to reduce: it
    joins the estimate, not the mini-batch gradients that the estimate is made of. What it does is
    captured with the step: it decides nothing in Python that depends on numbers.

    Example:
        >>> from typing import Literal
        >>> from vrtune import SGD, TrialConfig
        >>> from vrtune.penalties import Penalty, PenaltySettings
        >>> class Pull(PenaltySettings):
        ...     kind: Literal["pull"] = "pull"
        ...     strength: float = 1e-3
        >>> class PullPenalty(Penalty):
        ...     settings = Pull
        ...     def add(self, weights, d, hp):
        ...         return d + hp["strength"] * weights
        >>> TrialConfig(optimizer=SGD(lr=0.1), penalty=Pull()).penalty
        Pull(kind='pull', strength=0.001)
    """

    settings: ClassVar[type[PenaltySettings]]
    # its hp["rate"] [L, 1] is in place of the rates of the model's dropout layers
    drops: ClassVar[bool] = False
    # Of the model's tensors, which lie side by side in a row; lanes set it after the constructor.
    shapes: Sequence[torch.Size] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "settings" in vars(cls):
            cls.settings.enrol(cls)

    def value(self, weights: Tensor, hp: dict[str, Tensor]) -> Tensor:
        """What is added to the mean loss of each lane, [L]: nothing."""
        return weights.new_zeros(len(weights))

    def add(self, weights: Tensor, d: Tensor, hp: dict[str, Tensor]) -> Tensor:
        """The direction [L, P] with the penalty's gradient, before the step: `d` as it is.

        Args:
            weights: [L, P], not to be changed.
            d: the estimator's direction [L, P], not to be changed.
            hp: a tensor [L, 1] for every number of the settings, [L, n] for a tuple of n.
        """
        return d

    def decay(self, weights: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        """Moves the rows of `weights` in place, before the step, with step sizes eta [L, 1]: not at
        all."""

    def shrink(self, weights: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        """The same after the step."""
