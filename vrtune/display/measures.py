"""How a study is judged, in words: what its values are called, and which of two is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Measure:
    """The metric whose values are compared, and the figure that is shown beside a loss."""

    metric: str = "loss"
    score: str = "accuracy"  # the metric itself, if that is no loss
    direction: Direction = "minimize"

    @property
    def value(self) -> str:
        """What the value of a trial is called."""
        return f"validation {self.metric}"

    @property
    def column(self) -> str:
        """The same in a table for programs."""
        return as_column(self.value)

    @property
    def values(self) -> str:
        """Several of them in a sentence."""
        return "losses" if self.metric == "loss" else "values"

    @property
    def beside(self) -> str:
        """The figure that stands beside the metric: a loss has a score, all others have a loss."""
        return self.score if self.metric == "loss" else "loss"

    @property
    def score_direction(self) -> Direction:
        """Of the score; of an accuracy, or r2, more is better."""
        return self.direction if self.score == self.metric else "maximize"

    @property
    def good(self) -> str:
        """Which values are: low or high."""
        return "low" if self.direction == "minimize" else "high"

    def cost(self, value: float) -> float:
        """The less, the better: a value, or its negative where more is better."""
        return cost(value, self.direction)


LOSS = Measure()  # how a study is judged where nobody says so


def cost(value: float, direction: str) -> float:
    """The less, the better: a value, or its negative where it is maximised."""
    return -value if direction == "maximize" else value


def as_column(name: str) -> str:
    """A measure's name as a table's column: validation_macro_f1."""
    return name.replace(" ", "_").replace("-", "_")
