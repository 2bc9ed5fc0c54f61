"""The table of a comparison: what each method reached, and what it cost to tune, a row each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vrtune.comparing.tried import Tried
from vrtune.comparing.tunability import best_at, equal_spent, equal_trials
from vrtune.comparing.tuned import Tuned
from vrtune.config import Settings
from vrtune.display.measures import Direction, Measure
from vrtune.studies.choice import Confirmed
from vrtune.studies.counts import Counts
from vrtune.studies.retrained import Spread, spread


class AllStarts(Settings):
    """How the chosen setting did over all its starts: those of the search, and fresh ones."""

    loss: float | None  # the mean; null where one diverged
    failed: int
    trainings: int
    value: float | None  # the mean of what the study is judged by: the loss, or another metric


class AtBudget(Settings):
    """The best of what a study had tried by a budget that every study of the comparison spent."""

    budget: float | None
    trial: int | None  # null where none had run to its end by then
    loss: float | None
    value: float | None  # by which it was the best: its loss, or another metric


class Row(Settings):
    """A method as a study tuned it; null where the study does not say."""

    method: str
    study: str
    space: str
    init: str
    seed: int
    metric: str  # what the study is judged by
    direction: Direction  # which values of it are better: minimize, those that are less
    score: str  # what is shown beside a loss
    trial: int | None  # the one that was chosen
    setting: dict[str, Any]
    validation_loss: Spread | None  # over folds
    validation_accuracy: Spread | None
    all_starts: AllStarts | None
    equal_trials: AtBudget
    equal_gradient_computations: AtBudget
    test_accuracy: Spread | None  # over seeds
    test_loss: Spread | None
    train_accuracy: Spread | None
    # all that was recorded beside the loss: accuracy, r2, ...
    validation_metrics: dict[str, Spread]
    test_metrics: dict[str, Spread]
    train_metrics: dict[str, Spread]
    seeds: int | None
    failed_seeds: int | None
    search_cost: float | None  # gradient computations
    confirm_cost: float | None
    training_cost: float | None  # of one training on the whole training set
    seconds: float | None  # by the clock, of all searches that came to an end
    trials: Counts

    @property
    def measure(self) -> Measure:
        """What the study is judged by."""
        return Measure(self.metric, self.score, self.direction)

    def validation(self, name: str) -> Spread | None:
        """A metric over folds: the loss, or another."""
        return self.validation_loss if name == "loss" else self.validation_metrics.get(name)


def table(tuned: Sequence[Tuned]) -> list[Row]:
    """A row a method, in the order given."""
    trials, spent = equal_trials(tuned), equal_spent(tuned)
    return [_row(each, trials, spent) for each in tuned]


def _row(tuned: Tuned, trials: int, spent: float) -> Row:
    choice, again, confirmed = tuned.choice, tuned.again, tuned.confirmed
    validation = _validation(tuned)
    return Row(
        method=tuned.label,
        study=tuned.study,
        space=tuned.record.space,
        init=tuned.task.init,
        seed=tuned.task.seed,
        metric=tuned.measure.metric,
        direction=tuned.measure.direction,
        score=tuned.measure.score,
        trial=choice.number if choice else None,
        setting=dict(choice.params) if choice else {},
        validation_loss=validation.pop("loss", None),
        validation_accuracy=validation.get("accuracy"),
        all_starts=_all_starts(tuned, confirmed) if confirmed else None,
        equal_trials=_at(tuned, trials=trials),
        equal_gradient_computations=_at(tuned, spent=spent),
        test_accuracy=again.test_accuracy if again else None,
        test_loss=again.test_loss if again else None,
        train_accuracy=again.train_accuracy if again else None,
        validation_metrics=validation,
        test_metrics=_metrics(again.test_metrics, again.test_accuracy) if again else {},
        train_metrics=_metrics(again.train_metrics, again.train_accuracy) if again else {},
        seeds=again.seeds if again else None,
        failed_seeds=again.failed if again else None,
        search_cost=_finite(tuned.spent),
        confirm_cost=_finite(tuned.confirm_spent),
        training_cost=_finite(tuned.training_cost),
        seconds=_finite(tuned.seconds),
        trials=tuned.counts,
    )


def _validation(tuned: Tuned) -> dict[str, Spread]:
    """Of the choice all that is known of its folds; of what it was chosen by the mean is its value,
    and the spread that of its folds."""
    if tuned.choice is None:
        return {}
    found = {name: spread([*folds]) for name, folds in tuned.choice.metrics.items()}
    if tuned.choice.value is not None:
        folds = spread([*tuned.choice.folds])
        found[tuned.measure.metric] = folds.model_copy(update={"mean": tuned.choice.value})
    return found


def _all_starts(tuned: Tuned, confirmed: Confirmed) -> AllStarts:
    loss = confirmed.mean
    if tuned.measure.metric != "loss":
        folds = tuned.choice.metrics.get("loss", ()) if tuned.choice else ()
        rows = [folds, *confirmed.losses]
        loss = spread([math.nan if v is None else v for row in rows for v in row]).mean
    return AllStarts(
        loss=loss,
        failed=confirmed.failed,
        trainings=confirmed.trainings,
        value=confirmed.mean,
    )


def _metrics(kept: Mapping[str, Spread], accuracy: Spread | None) -> dict[str, Spread]:
    """An older vrtune kept the accuracy alone."""
    return {**({"accuracy": accuracy} if accuracy else {}), **kept}


def _at(tuned: Tuned, *, trials: int | None = None, spent: float | None = None) -> AtBudget:
    best = best_at(tuned, trials=trials, spent=spent)
    return AtBudget(
        budget=_finite(spent if trials is None else trials),
        trial=best.number if best else None,
        loss=_mean_loss(tuned, best) if best else None,
        value=best.value if best else None,
    )


def _mean_loss(tuned: Tuned, trial: Tried) -> float | None:
    """Of its folds."""
    if tuned.measure.metric == "loss":
        return trial.value
    losses = trial.metrics.get("loss", ())
    return spread([*losses]).mean if losses else None


def _finite(value: float | None) -> float | None:
    """None for a sum of what others wrote that is none."""
    return value if value is not None and math.isfinite(value) else None
