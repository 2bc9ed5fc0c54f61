"""Studies that were never searched: every figure in them is given, so all that is true is known."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from vrtune import Task
from vrtune.display.measures import LOSS, Measure
from vrtune.storages.opening import open_storage
from vrtune.studies.choice import Confirmed
from vrtune.studies.choice import keep as keep_confirmed
from vrtune.studies.record import StudyRecord, open_study
from vrtune.studies.retrained import Retrained, spread
from vrtune.studies.retrained import keep as keep_retrained

LR = {"lr": FloatDistribution(0.001, 1.0, log=True)}
TASK = Task(model="softmax", folds=4, epochs=2)
Losses = Sequence[float]


def make(
    url: str,
    name: str,
    *trials: Losses,
    space: str | None = None,
    task: Task = TASK,
    fingerprint: str = "0" * 16,
    pruned: int = 0,
    cost: float = 100.0,
    again: Sequence[float] = (),
    train: Sequence[float] = (),
    confirmed: Sequence[Losses] = (),
    params: dict[str, float] | None = None,
    measure: Measure = LOSS,
) -> optuna.Study:
    """A study of `space` (its name's first word): a complete trial for each list of losses, one a
    fold; then pruned ones. Each cost the same. `again` are test accuracies of the best trained
    again, `train` its train accuracies, `confirmed` its losses on fresh starts. Judged by another
    metric than the loss each value is what `metric_of` makes of a loss.
    """
    record = StudyRecord(
        task=task,
        space=space or name.split("-")[0],
        fingerprint=fingerprint,
        data_dir="d",
        version="0",
        metric=measure.metric,
        score=measure.score,
        direction=measure.direction,
    )
    study = open_study(open_storage(url), name, record)
    for i, losses in enumerate([*trials, *([None] * pruned)]):
        study.add_trial(_trial(i, losses, cost, params, measure))
    means = [statistics.fmean(losses) for losses in trials]
    best = means.index(min(means)) if means else 0
    values = [[metric_of(v, measure) for v in row] for row in confirmed]
    first = [metric_of(v, measure) for v in trials[best]] if trials else []
    if confirmed:
        kept = Confirmed(
            trial=best,
            losses=[list(row) for row in confirmed],
            accuracies=[[0.5] * len(row) for row in confirmed],
            trainings=len(confirmed) * len(confirmed[0]) + len(trials[best]),
            gradient_computations=50.0,
            mean=statistics.fmean([*first, *(v for row in values for v in row)]),
            values=None if measure.metric == "loss" else values,
        )
        keep_confirmed(study, kept)
    if again:
        seeds = list(again)
        result = Retrained(
            trial=best,
            seeds=len(seeds),
            test_accuracy=spread(seeds) if measure.score == "accuracy" else None,
            score=measure.score,
            test_metrics={measure.score: spread([_score(v, measure) for v in seeds])},
            train_metrics={measure.score: spread([_score(v, measure) for v in train])}
            if train
            else {},
            test_loss=spread([1 - v for v in seeds]),
            train_losses=[[0.5, 0.4]] * len(seeds),
            gradient_computations=30.0 * len(seeds),
            train_accuracy=spread(list(train)) if train and measure.score == "accuracy" else None,
        )
        keep_retrained(study, result)
    return study


def metric_of(loss: float, measure: Measure) -> float:
    """The loss itself, or 1 - loss where more is better."""
    return 1 - loss if measure.direction == "maximize" else loss


def _score(accuracy: float, measure: Measure) -> float:
    return 1 - accuracy if measure.score_direction == "minimize" else accuracy


def _trial(
    number: int,
    losses: Losses | None,
    cost: float,
    params: dict[str, float] | None,
    measure: Measure,
) -> optuna.trial.FrozenTrial:
    values = None if losses is None else [metric_of(v, measure) for v in losses]
    mean = None if values is None else statistics.fmean(values)
    attrs = {"config": {}, "gradient_computations": cost}
    if losses is not None:
        attrs |= {"fold_values": values}
        attrs |= {"fold_losses": list(losses)} if measure.metric != "loss" else {}
        if measure.score == "accuracy":
            attrs |= {"fold_accuracies": [1 - v for v in losses]}
        else:
            attrs |= {"fold_metrics": {measure.score: values}}
    params = params or {"lr": 0.01 * (number + 1)}
    return create_trial(
        state=TrialState.PRUNED if losses is None else TrialState.COMPLETE,
        value=mean,
        params=params,
        distributions=dict.fromkeys(params, LR["lr"]),
        user_attrs=attrs,
        system_attrs={} if values is None else {"folds:2": values},
        intermediate_values={} if mean is None else {2: mean},
    )
