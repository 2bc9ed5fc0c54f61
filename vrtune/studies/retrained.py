"""What a study keeps of a retraining."""

from __future__ import annotations

import math
import statistics

import optuna
from pydantic import Field, ValidationError

from vrtune.config import Settings
from vrtune.display.results import aligned, trained_again

ATTRIBUTE = "retrain-{}"  # of the study: a finished trial's own can't be changed


class Spread(Settings):
    """A figure over seeds; null where a training diverged."""

    mean: float | None = None
    std: float | None = None
    values: list[float | None]


class Retrained(Settings):
    """A trial trained again on the whole training set and judged at the end.

    What a retraining by an older version did not keep is null.
    """

    trial: int
    seeds: int = Field(le=10**9)  # more was never trained, and divides no number
    test_accuracy: Spread | None = None  # of labels
    test_loss: Spread
    train_losses: list[list[float | None]]  # [seed][epoch]
    gradient_computations: float
    failed: int = 0  # seeds that diverged or learned little
    folder: str | None = None  # holds weights and curves; null if they could not be written
    train_accuracy: Spread | None = None  # of the end, on the whole training set, unaugmented
    train_loss: Spread | None = None  # likewise
    costs: list[float] | None = None  # gradient computations of one training after each epoch
    test_losses: list[list[float | None]] | None = None  # [seed][epoch]; null unless asked for
    test_accuracies: list[list[float | None]] | None = None  # likewise
    seconds: float | None = None  # by the clock, of the training of all that trained at once
    score: str = Field(default="accuracy", pattern=r"^[\w-]+$")  # of the metrics, what is shown
    test_metrics: dict[str, Spread] = Field(default_factory=dict)  # all, accuracy among them
    train_metrics: dict[str, Spread] = Field(default_factory=dict)  # as train_accuracy
    test_scores: list[list[float | None]] | None = None  # as test_accuracies, of another score
    asked_epochs: int | None = None  # of each training, where not those of the search
    continued: int | None = None  # the epoch from which it went on, where it was cut off there
    # what the samples of all seeds' chains are worth, by the mean training loss of each
    effective_samples: float | None = None

    @property
    def test_score(self) -> Spread | None:
        """The score on the test set."""
        is_accuracy = self.score == "accuracy" and self.test_accuracy is not None
        return self.test_accuracy if is_accuracy else self.test_metrics.get(self.score)

    @property
    def train_score(self) -> Spread | None:
        """The score on the training set."""
        is_accuracy = self.score == "accuracy" and self.train_accuracy is not None
        return self.train_accuracy if is_accuracy else self.train_metrics.get(self.score)

    def __repr__(self) -> str:
        return aligned(trained_again(self))

    __str__ = __repr__


def spread(values: list[float]) -> Spread:
    """Mean, standard deviation (n - 1; 0 for one value) and each value."""
    if not all(map(math.isfinite, values)):
        return Spread(values=[value if math.isfinite(value) else None for value in values])
    try:
        std = statistics.stdev(values) if len(values) > 1 else 0.0
        return Spread(mean=statistics.fmean(values), std=std, values=list(values))
    except OverflowError:  # as good as diverged
        return Spread(values=list(values))


def keep(study: optuna.Study, result: Retrained) -> None:
    """Makes the study remember it."""
    study.set_user_attr(ATTRIBUTE.format(result.trial), result.model_dump(mode="json"))


def retrained(study: optuna.Study, number: int) -> Retrained | None:
    """What the study remembers of a trial's retraining."""
    kept = study.user_attrs.get(ATTRIBUTE.format(number))
    try:
        return Retrained.model_validate(kept) if kept else None
    except ValidationError:  # not what vrtune wrote
        return None
