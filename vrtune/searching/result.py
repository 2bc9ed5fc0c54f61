"""What a search says at its end."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.trial import FrozenTrial

from vrtune.config import Settings, Task
from vrtune.retraining import Retrained
from vrtune.searching.timesheet import Timesheet
from vrtune.studies.record import Counts, count, ranked


class Best(Settings):
    """The trial with the lowest mean validation loss over folds at its last epoch."""

    number: int
    value: float
    params: dict[str, Any]
    fold_values: list[float | None]


class SearchResult(Settings):
    """What `vrtune search --json` prints."""

    study: str
    storage: str
    task: Task
    best: Best | None
    trials: Counts
    gradient_computations: float
    seconds: float
    occupancy: float | None = None  # share of the slots' time in which a trial trained in them
    outside: float = 0.0  # share of the time outside training and judging
    stopped: bool = False
    retrain: Retrained | None = None
    retrained: tuple[Retrained, ...] = ()


def summarise(
    study: optuna.Study,
    storage: str,
    task: Task,
    seconds: float,
    again: list[Retrained],
    times: Timesheet,
    *,
    stopped: bool = False,
) -> SearchResult:
    """The study as it stands."""
    all_trials = study.get_trials(deepcopy=False)
    best = next(iter(ranked(study)), None)
    return SearchResult(
        study=study.study_name,
        storage=storage,
        task=task,
        best=_best(best),
        trials=count(all_trials),
        gradient_computations=sum(
            t.user_attrs.get("gradient_computations", 0.0) for t in all_trials
        ),
        seconds=round(seconds, 3),
        occupancy=times.occupancy,
        outside=times.outside,
        stopped=stopped,
        retrain=again[0] if again else None,
        retrained=tuple(again),
    )


def _best(trial: FrozenTrial | None) -> Best | None:
    if trial is None or trial.value is None:
        return None
    folds = trial.user_attrs["fold_values"]
    return Best(number=trial.number, value=trial.value, params=trial.params, fold_values=folds)
