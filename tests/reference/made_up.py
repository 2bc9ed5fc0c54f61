"""Studies that were never searched: every figure in them is given, so all that is true is known."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from vrtune import Task
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
) -> optuna.Study:
    """A study of `space` (its name's first word): a complete trial for each list of losses, one a
    fold; then pruned ones. Each cost the same. `again` are test accuracies of the best trained
    again, `train` its train accuracies, `confirmed` its losses on fresh starts.
    """
    record = StudyRecord(
        task=task,
        space=space or name.split("-")[0],
        fingerprint=fingerprint,
        data_dir="d",
        version="0",
    )
    study = open_study(open_storage(url), name, record)
    for i, losses in enumerate([*trials, *([None] * pruned)]):
        study.add_trial(_trial(i, losses, cost, params))
    means = [statistics.fmean(losses) for losses in trials]
    best = means.index(min(means)) if means else 0
    if confirmed:
        kept = Confirmed(
            trial=best,
            losses=[list(row) for row in confirmed],
            accuracies=[[0.5] * len(row) for row in confirmed],
            trainings=len(confirmed) * len(confirmed[0]) + len(trials[best]),
            gradient_computations=50.0,
            mean=statistics.fmean([*trials[best], *(v for row in confirmed for v in row)]),
        )
        keep_confirmed(study, kept)
    if again:
        seeds = list(again)
        result = Retrained(
            trial=best,
            seeds=len(seeds),
            test_accuracy=spread(seeds),
            test_loss=spread([1 - v for v in seeds]),
            train_losses=[[0.5, 0.4]] * len(seeds),
            gradient_computations=30.0 * len(seeds),
            train_accuracy=spread(list(train)) if train else None,
        )
        keep_retrained(study, result)
    return study


def _trial(
    number: int, losses: Losses | None, cost: float, params: dict[str, float] | None
) -> optuna.trial.FrozenTrial:
    mean = None if losses is None else statistics.fmean(losses)
    attrs = {"config": {}, "gradient_computations": cost}
    if losses is not None:
        attrs |= {"fold_values": list(losses), "fold_accuracies": [1 - v for v in losses]}
    params = params or {"lr": 0.01 * (number + 1)}
    return create_trial(
        state=TrialState.PRUNED if losses is None else TrialState.COMPLETE,
        value=mean,
        params=params,
        distributions=dict.fromkeys(params, LR["lr"]),
        user_attrs=attrs,
        system_attrs={} if losses is None else {"folds:2": list(losses)},
        intermediate_values={} if mean is None else {2: mean},
    )
