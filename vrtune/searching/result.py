"""What a search says at its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import optuna
from optuna.trial import FrozenTrial
from pydantic import Field, PrivateAttr

from vrtune.config import Settings, Task
from vrtune.display.figures import figure, safe, settings
from vrtune.display.measures import Direction, Measure
from vrtune.display.results import aligned, trained_again
from vrtune.errors import UsageError
from vrtune.retraining import Retrained
from vrtune.searching.dataframe import dataframe
from vrtune.searching.timesheet import Timesheet
from vrtune.spaces import edge_notes
from vrtune.storages.opening import open_to_read
from vrtune.storages.secrets import HIDDEN, public
from vrtune.studies.choice import Confirmed, confirmation, confirmations, ranked
from vrtune.studies.counts import Counts, count
from vrtune.studies.outcome import fold_losses, fold_metrics, fold_values, kept_epochs, spent
from vrtune.studies.record import load_study, measure_of

if TYPE_CHECKING:
    import pandas

Part = Literal["search", "confirmation", "retraining"]
AGAIN = "the study keeps its trials and what was confirmed; retrain() trains the best again"
KEPT = {  # where it was stopped: what is kept and how to go on
    "search": "open trials are queued again; the same search continues the study",
    "confirmation": AGAIN,
    "retraining": AGAIN,
}


class Best(Settings):
    """The chosen trial: of those that were judged again the one that failed least often, and with
    the best mean of the study's metric; without confirmation, that of the folds."""

    number: int
    value: float
    params: dict[str, Any]
    fold_values: list[float | None]
    fold_losses: list[float | None] | None = None  # where the study is judged by another metric
    fold_metrics: dict[str, list[float | None]] = Field(default_factory=dict)  # all but the loss
    confirmed: Confirmed | None = None
    edges: tuple[str, ...] = ()  # where it touches the end of a range
    kept_epochs: int | None = None  # by early stopping


class Opened:
    """The study a result was read from: no part of it, so all are equal, and none is pickled."""

    def __init__(self, study: optuna.Study | None = None) -> None:
        self.study = study

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opened)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[Opened], tuple[()]]:
        return Opened, ()


class SearchResult(Settings):
    """What came out of a search: what `vrtune search --json` prints, and a table of all trials."""

    study: str
    storage: str
    task: Task
    metric: str = "loss"  # what the study is judged by
    score: str = "accuracy"  # the figure that is shown beside a loss
    direction: Direction = "minimize"
    best: Best | None
    trials: Counts
    gradient_computations: float  # of all trials
    confirmed: int = 0  # trials that were judged again
    confirm_gradient_computations: float = 0.0
    seconds: float
    occupancy: float | None = None  # share of the slots' time in which a trial trained in them
    outside: float = 0.0  # share of the time outside training and judging
    stopped: bool = False
    stopped_in: Part | None = None  # what was going on then
    retrain: Retrained | None = None
    retrained: tuple[Retrained, ...] = ()
    _opened: Opened = PrivateAttr(default_factory=Opened)  # `storage` has no password

    @property
    def measure(self) -> Measure:
        """How trials are judged."""
        return Measure(self.metric, self.score, self.direction)

    def trials_dataframe(self) -> pandas.DataFrame:
        """All trials of the study as they are now, one a row: number, state, value, the parameters,
        metrics, epochs, gradient computations, seconds. VrtuneError without pandas."""
        study = self._opened.study
        if study is None and HIDDEN in self.storage:
            raise UsageError("a result that was stored has no password: use optuna.load_study")
        study = study or load_study(open_to_read(self.storage), self.study, self.storage)
        return dataframe(study.get_trials(deepcopy=False))

    def __repr__(self) -> str:
        return aligned(self._lines())

    __str__ = __repr__

    def _lines(self) -> Iterator[tuple[str, str]]:
        yield "study", f"{safe(self.study)} in {safe(self.storage)}"
        if self.stopped_in:
            yield "stopped", f"in the {self.stopped_in}: {KEPT[self.stopped_in]}"
        yield "trials", str(self.trials)
        if self.best:
            yield "best trial", f"{self.best.number}: {settings(self.best.params)}"
            parts = "the part held out" if self.task.holdout else f"{self.task.folds} folds"
            yield self.measure.value, f"{figure(self.best.value)}, of {parts}"
            if again := self.best.confirmed:
                how = f"{again.failed} of {again.trainings} trainings failed"
                yield "over all starts", f"{figure(again.mean)}; {how}"
        confirming = self.confirm_gradient_computations
        also = f" and {confirming:,.0f} to confirm" if confirming else ""
        yield "search cost", f"{self.gradient_computations:,.0f} gradient computations{also}"
        for retrained in self.retrained:
            yield from trained_again(retrained)
        yield "seconds", f"{self.seconds:.1f}"


def summarise(
    study: optuna.Study,
    storage: str,
    task: Task,
    seconds: float,
    again: list[Retrained],
    times: Timesheet,
    *,
    stopped_in: Part | None = None,
) -> SearchResult:
    """The study as it stands."""
    all_trials, again_judged = study.get_trials(deepcopy=False), confirmations(study)
    measure = measure_of(study)
    best = next(iter(ranked(study)), None)
    result = SearchResult(
        study=study.study_name,
        storage=public(storage),
        task=task,
        metric=measure.metric,
        score=measure.score,
        direction=measure.direction,
        best=_best(study, best),
        trials=count(all_trials),
        gradient_computations=spent(all_trials),
        confirmed=len(again_judged),
        confirm_gradient_computations=sum(c.gradient_computations for c in again_judged),
        seconds=round(seconds, 3),
        occupancy=times.occupancy,
        outside=times.outside,
        stopped=stopped_in is not None,
        stopped_in=stopped_in,
        retrain=again[0] if again else None,
        retrained=tuple(again),
    )
    result._opened = Opened(study)
    return result


def _best(study: optuna.Study, trial: FrozenTrial | None) -> Best | None:
    if trial is None or trial.value is None:
        return None
    return Best(
        number=trial.number,
        value=trial.value,
        params=trial.params,
        fold_values=fold_values(trial) or [],
        fold_losses=fold_losses(trial) if "fold_losses" in trial.user_attrs else None,
        fold_metrics=fold_metrics(trial),
        confirmed=confirmation(study, trial.number),
        edges=tuple(edge_notes(trial.params, trial.distributions)),
        kept_epochs=kept_epochs(trial),
    )
