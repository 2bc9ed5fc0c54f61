"""What people are shown of a study and its trials: few words and numbers, the best first."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from vrtune.display.figures import figure, plus_minus, safe, settings
from vrtune.display.measures import LOSS, Measure
from vrtune.errors import UsageError
from vrtune.studies.choice import ATTRIBUTE as CONFIRMED
from vrtune.studies.choice import confirmations, ranked
from vrtune.studies.counts import count, states
from vrtune.studies.diagnosed import ATTRIBUTE as DIAGNOSED
from vrtune.studies.leases import AGAIN, CUT_OFF, WORKER
from vrtune.studies.outcome import number, spent, value
from vrtune.studies.record import RECORD, VALUE, StudyRecord, best_value, read_record
from vrtune.studies.retrained import ATTRIBUTE as RETRAINED
from vrtune.studies.retrained import retrained
from vrtune.studies.searches import SEARCH, SEARCHES, read_searches

# what machines read, of a study (or begins so, with a blank or a number behind) and of a trial
OF_STUDIES = (RECORD, SEARCHES)
BEGIN = tuple(name.partition("{")[0] for name in (SEARCH, CONFIRMED, RETRAINED, DIAGNOSED))
OF_TRIALS = (
    "config", WORKER, AGAIN, CUT_OFF, "diverged", "fold_values", "fold_losses", "fold_accuracies",
    "fold_metrics", "gradient_computations", "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class StudySight:
    """A study as it is shown at one moment."""

    name: str
    attributes: Mapping[str, Any]  # of the study
    ours: bool = False  # a study of vrtune's: others' are shown as they are
    best: int | None = None  # the trial that vrtune chose
    known: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)  # of some trials
    measure: Measure = LOSS

    def trial(self, trial: FrozenTrial) -> FrozenTrial:
        """A trial with attributes to be read, the most telling first."""
        if not self.ours:
            return trial
        shown = copy.copy(trial)
        shown.user_attrs = {**self.known.get(trial.number, {}), **_said(trial, self.measure)}
        return shown


class View:
    """Studies as they are shown, which are looked at again when something has changed in them."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Any, StudySight]] = {}

    def metric(self, user_attrs: Mapping[str, Any]) -> str | None:
        """What the value of a trial is, in a study of vrtune's."""
        kept = user_attrs.get(RECORD)
        if kept is None:
            return None
        metric = kept.get("metric") if isinstance(kept, dict) else None
        return Measure(metric).value if isinstance(metric, str) else VALUE

    def identity(self, user_attrs: Mapping[str, Any]) -> Any:
        """A study's record, which has an id of its own."""
        return user_attrs.get(RECORD)

    def sight(self, study: optuna.Study) -> StudySight:
        """A study as it is shown now."""
        trials = study.get_trials(deepcopy=False)
        state = study.user_attrs, Counter(trial.state for trial in trials), len(trials)
        before, sight = self._seen.get(study.study_name, (None, None))
        if sight is None or before != state:
            sight = look(study, trials)
            self._seen[study.study_name] = state, sight
        return sight


def is_machines(name: str) -> bool:
    """Whether a study's attribute is vrtune's own, and not to be read by people."""
    return name in OF_STUDIES or name.startswith(BEGIN)


def look(study: optuna.Study, trials: Sequence[FrozenTrial]) -> StudySight:
    """A study as it is shown, whoever made it."""
    kept = study.user_attrs
    others = {name: value for name, value in kept.items() if not is_machines(name)}
    try:
        record = read_record(study)
    except UsageError:
        return StudySight(_name(study, trials, best_value(study)), kept)
    chosen = ranked(study)
    best = chosen[0] if chosen else None
    return StudySight(
        _name(study, trials, value(best) if best else None),
        {**dict(_attributes(study, trials, best, record)), **others},
        ours=True,
        best=best.number if best else None,
        known=dict(_known(study, trials, record.metric)),
        measure=record.measure,
    )


def _name(study: optuna.Study, trials: Sequence[FrozenTrial], best: float | None) -> str:
    """With its best value and the number of its trials: all that the list of studies has room
    for."""
    known = "" if best is None else f"best {_short(best)}, "
    return f"{safe(study.study_name)}: {known}{len(trials)} trial{'s' * (len(trials) != 1)}"


def _attributes(
    study: optuna.Study,
    trials: Sequence[FrozenTrial],
    best: FrozenTrial | None,
    record: StudyRecord,
) -> Iterator[tuple[str, str]]:
    """What a study found, then how."""
    confirmed, task = confirmations(study), record.task
    if best:
        yield "chosen", f"trial {best.number}: {settings(best.params) or 'without parameters'}"
        again = next((c for c in confirmed if c.trial == best.number), None)
        fresh = f" ({figure(again.mean)} with fresh starts)" if again else ""
        yield record.measure.value, figure(value(best)) + fresh
        if tested := retrained(study, best.number):
            seeds = f" ({tested.seeds} seed{'s' * (tested.seeds > 1)})"
            for on, spread in ("test", tested.test_score), ("train", tested.train_score):
                if spread:
                    yield f"{on} {tested.score}", plus_minus(spread) + seeds
    yield "trials", str(count(trials))
    judging = sum(c.gradient_computations for c in confirmed)
    confirming = f", and {judging:,.0f} to confirm {len(confirmed)}" if judging else ""
    yield "gradient computations", f"{spent(trials):,.0f}{confirming}"
    parts = f"{task.folds} folds" if not task.holdout else f"{task.holdout:.0%} held out"
    yield (
        "task",
        f"{safe(task.dataset)}, {safe(task.model)}, {parts}, {task.epochs} epochs, "
        f"batches of {task.batch_size}, seed {task.seed}",
    )
    for entry in read_searches(study):
        took = "" if entry.seconds is None else f", {entry.seconds:,.0f} s"
        where = f" on {safe(entry.versions.device)}"
        yield f"search of {entry.began:%Y-%m-%d %H:%M}", f"{safe(entry.sampler)}{where}{took}"


def _known(
    study: optuna.Study, trials: Sequence[FrozenTrial], metric: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    """What a study knows of its trials that they don't know themselves: they had ended by then."""
    kept, confirmed = study.user_attrs, {c.trial: c for c in confirmations(study)}
    for trial, state in states(trials).items():
        known: dict[str, Any] = {"state": state if state == "interrupted" else None}
        if RETRAINED.format(trial) in kept and (tested := retrained(study, trial)):
            for on, spread in ("test", tested.test_score), ("train", tested.train_score):
                if spread:
                    known[f"{on} {tested.score}"] = _short(spread.mean)
        if again := confirmed.get(trial):
            known[f"{metric} with fresh starts"] = _short(again.mean)
        if known := {name: value for name, value in known.items() if value is not None}:
            yield trial, known


def _said(trial: FrozenTrial, measure: Measure) -> dict[str, Any]:
    """What a trial says of itself."""
    kept = trial.user_attrs
    said: dict[str, Any] = {"state": "diverged"} if kept.get("diverged") is True else {}
    for name, given in _recorded(kept).items():
        folds = _numbers(given)
        if name != measure.metric and folds and None not in folds:
            said[name] = _short(fmean(v for v in folds if v is not None))
    if len(values := _numbers(kept.get("fold_values"))) > 1:
        of_folds = "fold losses" if measure.metric == "loss" else "fold values"
        said[of_folds] = ", ".join("nan" if v is None else f"{v:.4g}" for v in values)
    if (cost := number(trial, "gradient_computations")) is not None:
        said["gradient computations"] = round(cost)
    if (seconds := number(trial, "seconds")) is not None:
        said["seconds"] = round(seconds, 2)
    return {**said, **{k: v for k, v in kept.items() if k not in OF_TRIALS}}


def _recorded(kept: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial says of its folds beside their values, by metric."""
    more = kept.get("fold_metrics")
    return {
        "loss": kept.get("fold_losses"),
        "accuracy": kept.get("fold_accuracies"),
        **(more if isinstance(more, dict) else {}),
    }


def _numbers(given: object) -> list[float | None]:
    """The numbers of a list, None where one is not finite; none if it holds anything else."""
    known = isinstance(given, list) and all(
        v is None or (isinstance(v, int | float) and not isinstance(v, bool)) for v in given
    )
    values: list[float | None] = given if known else []  # type: ignore[assignment]
    return [v if v is not None and math.isfinite(v) else None for v in values]


def _short(given: float | None) -> float | None:
    """A number with as many digits as people read."""
    return None if given is None else float(f"{given:.4g}")
