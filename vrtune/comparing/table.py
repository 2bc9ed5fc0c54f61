"""The table of a comparison: what each method reached, and what it cost to tune, a row each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from vrtune.comparing.tunability import best_at, equal_spent, equal_trials
from vrtune.comparing.tuned import Tuned
from vrtune.config import Settings
from vrtune.studies.counts import Counts
from vrtune.studies.retrained import Spread, spread


class AllStarts(Settings):
    """How the chosen setting did over all its starts: those of the search, and fresh ones."""

    loss: float | None  # the mean; null where one diverged
    failed: int
    trainings: int


class AtBudget(Settings):
    """The best of what a study had tried by a budget that every study of the comparison spent."""

    budget: float | None
    trial: int | None  # null where none had run to its end by then
    loss: float | None


class Row(Settings):
    """A method as a study tuned it; null where the study does not say."""

    method: str
    study: str
    space: str
    init: str
    seed: int
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
    seeds: int | None
    failed_seeds: int | None
    search_cost: float | None  # gradient computations
    confirm_cost: float | None
    training_cost: float | None  # of one training on the whole training set
    seconds: float | None  # by the clock, of all searches that came to an end
    trials: Counts


def table(tuned: Sequence[Tuned]) -> list[Row]:
    """A row a method, in the order given."""
    trials, spent = equal_trials(tuned), equal_spent(tuned)
    return [_row(each, trials, spent) for each in tuned]


def _row(tuned: Tuned, trials: int, spent: float) -> Row:
    choice, again, confirmed = tuned.choice, tuned.again, tuned.confirmed
    return Row(
        method=tuned.label,
        study=tuned.study,
        space=tuned.record.space,
        init=tuned.task.init,
        seed=tuned.task.seed,
        trial=choice.number if choice else None,
        setting=dict(choice.params) if choice else {},
        validation_loss=_loss(tuned),
        validation_accuracy=spread([*choice.accuracies]) if choice and choice.accuracies else None,
        all_starts=AllStarts(
            loss=confirmed.mean, failed=confirmed.failed, trainings=confirmed.trainings
        )
        if confirmed
        else None,
        equal_trials=_at(tuned, trials=trials),
        equal_gradient_computations=_at(tuned, spent=spent),
        test_accuracy=again.test_accuracy if again else None,
        test_loss=again.test_loss if again else None,
        train_accuracy=again.train_accuracy if again else None,
        seeds=again.seeds if again else None,
        failed_seeds=again.failed if again else None,
        search_cost=_finite(tuned.spent),
        confirm_cost=_finite(tuned.confirm_spent),
        training_cost=_finite(tuned.training_cost),
        seconds=_finite(tuned.seconds),
        trials=tuned.counts,
    )


def _loss(tuned: Tuned) -> Spread | None:
    """Of the choice: its value, by which it was chosen, and the spread of its folds."""
    if tuned.choice is None or tuned.choice.value is None:
        return None
    folds = spread([*tuned.choice.folds])
    return folds.model_copy(update={"mean": tuned.choice.value})


def _at(tuned: Tuned, *, trials: int | None = None, spent: float | None = None) -> AtBudget:
    best = best_at(tuned, trials=trials, spent=spent)
    return AtBudget(
        budget=_finite(spent if trials is None else trials),
        trial=best.number if best else None,
        loss=best.value if best else None,
    )


def _finite(value: float | None) -> float | None:
    """None for a sum of what others wrote that is none."""
    return value if value is not None and math.isfinite(value) else None
