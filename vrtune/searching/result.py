"""What a search says at its end."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.trial import FrozenTrial

from vrtune.config import Settings, Task
from vrtune.retraining import Retrained
from vrtune.searching.timesheet import Timesheet
from vrtune.spaces import edge_notes
from vrtune.studies.choice import Confirmed, confirmation, confirmations, ranked
from vrtune.studies.record import Counts, count


class Best(Settings):
    """The chosen trial: of those that were judged again the one that failed least often, and with
    the lowest mean validation loss; without confirmation, that of the folds."""

    number: int
    value: float
    params: dict[str, Any]
    fold_values: list[float | None]
    confirmed: Confirmed | None = None
    edges: tuple[str, ...] = ()  # where it touches the end of a range


class SearchResult(Settings):
    """What `vrtune search --json` prints."""

    study: str
    storage: str
    task: Task
    best: Best | None
    trials: Counts
    gradient_computations: float  # of all trials
    confirmed: int = 0  # trials that were judged again
    confirm_gradient_computations: float = 0.0
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
    all_trials, again_judged = study.get_trials(deepcopy=False), confirmations(study)
    best = next(iter(ranked(study)), None)
    return SearchResult(
        study=study.study_name,
        storage=storage,
        task=task,
        best=_best(study, best),
        trials=count(all_trials),
        gradient_computations=sum(
            t.user_attrs.get("gradient_computations", 0.0) for t in all_trials
        ),
        confirmed=len(again_judged),
        confirm_gradient_computations=sum(c.gradient_computations for c in again_judged),
        seconds=round(seconds, 3),
        occupancy=times.occupancy,
        outside=times.outside,
        stopped=stopped,
        retrain=again[0] if again else None,
        retrained=tuple(again),
    )


def _best(study: optuna.Study, trial: FrozenTrial | None) -> Best | None:
    if trial is None or trial.value is None:
        return None
    return Best(
        number=trial.number,
        value=trial.value,
        params=trial.params,
        fold_values=trial.user_attrs.get("fold_values", []),
        confirmed=confirmation(study, trial.number),
        edges=tuple(edge_notes(trial.params, trial.distributions)),
    )
