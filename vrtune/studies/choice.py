"""The choice among a study's trials: by all that was seen of each, on fresh starts too."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field, ValidationError

from vrtune.config import Settings
from vrtune.storages.locks import locked
from vrtune.studies.outcome import fold_values, is_foreign, value

NO_BETTER = 0.97  # of the loss of a guess
ATTRIBUTE = "confirm-{}"  # of the study: a finished trial's own can't be changed


class Confirmed(Settings):
    """A trial judged again by cross-validation, on other initial weights and orders of batches."""

    trial: int
    losses: list[list[float | None]]  # [repeat][fold]
    accuracies: list[list[float | None]]
    # of the trainings that found the trial, and of these: counted when it is read
    failed: int = Field(default=0, le=10**9)
    trainings: int = Field(ge=1, le=10**9)
    gradient_computations: float
    mean: float | None  # over all of them; None where one diverged
    classes: int | None = Field(default=None, ge=1)  # for what a guess among them would lose


@dataclass(frozen=True)
class Candidate:
    """A complete trial, and what is known of it. The less its key, the better."""

    trial: FrozenTrial
    confirmed: Confirmed | None
    failed: int = 0  # of its trainings

    @property
    def losses(self) -> list[float]:
        """Of all its trainings, those that found it first; NaN where one diverged."""
        rows = [fold_values(self.trial) or [value(self.trial)]]
        rows += self.confirmed.losses if self.confirmed else []
        return [math.nan if loss is None else loss for row in rows for loss in row]

    @property
    def key(self) -> tuple[float, float, int]:
        """The share of trainings that failed, then the mean loss."""
        mean = self.trial.value if self.confirmed is None else self.confirmed.mean
        of = len(self.losses) if self.confirmed is None else self.confirmed.trainings
        return self.failed / of, math.inf if mean is None else mean, self.number

    @property
    def number(self) -> int:
        return self.trial.number

    @property
    def repeats(self) -> int:
        """Times that it was judged again."""
        return len(self.confirmed.losses) if self.confirmed else 0


def candidates(study: optuna.Study) -> list[Candidate]:
    """The complete trials that vrtune ran, the most promising first. Those that were added by hand
    teach the sampler; there is no setting to train again."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    complete = [trial for trial in complete if _is_ours(trial)]
    kept = study.user_attrs
    again = [_read(kept.get(ATTRIBUTE.format(trial.number))) for trial in complete]
    found = [
        Candidate(trial, known, known.failed if known else 0)
        for trial, known in zip(complete, again, strict=True)
    ]
    classes = next((known.classes for known in again if known), None)
    if classes is not None:
        found = recounted(found, classes)
    return sorted(found, key=lambda candidate: candidate.key)


def recounted(found: list[Candidate], classes: int) -> list[Candidate]:
    """The same, with the failures of all counted by one limit."""
    limit = failure_limit([candidate.losses for candidate in found], classes)
    counts = [count_failed(candidate.losses, limit) for candidate in found]
    return [
        Candidate(c.trial, c.confirmed and c.confirmed.model_copy(update={"failed": n}), n)
        for c, n in zip(found, counts, strict=True)
    ]


def ranked(study: optuna.Study) -> list[FrozenTrial]:
    """The complete trials, the best first: those that were judged again most often, then others."""
    found = candidates(study)
    most = max((c.repeats for c in found), default=0)
    found.sort(key=lambda c: (c.repeats < most, c.key))
    return [candidate.trial for candidate in found]


def confirmation(study: optuna.Study, number: int) -> Confirmed | None:
    """How a trial did when it was judged again, if it was."""
    return next((c.confirmed for c in candidates(study) if c.number == number), None)


def confirmations(study: optuna.Study) -> list[Confirmed]:
    """All trials that were judged again, in the order of their ranks."""
    return [c.confirmed for c in candidates(study) if c.confirmed]


def keep(study: optuna.Study, confirmed: Confirmed) -> None:
    """Keeps a confirmation with the study, in place of one of no more repeats."""
    name = ATTRIBUTE.format(confirmed.trial)
    with locked(study, "to keep a confirmation"):  # others may search, too
        earlier = _read(study.user_attrs.get(name))
        if earlier is None or len(earlier.losses) <= len(confirmed.losses):
            study.set_user_attr(name, confirmed.model_dump(mode="json"))


def failure_limit(losses: Iterable[Sequence[float]], classes: int) -> float:
    """The loss above which a training has failed, given those of several settings: in its logarithm
    half the way from what is usual for the best of them to a guess among the classes, and in any
    case where it is no better than that."""
    known = [[loss for loss in row if math.isfinite(loss)] for row in losses]
    guess = math.log(classes)
    usual = min((statistics.median(row) for row in known if row), default=guess)
    return min(max(math.sqrt(max(usual, 0.0) * guess), 1.25 * usual), NO_BETTER * guess)


def count_failed(losses: Iterable[float], limit: float) -> int:
    """How many trainings ended above a limit, or diverged."""
    return sum(not loss <= limit for loss in losses)


def failed_seeds(
    losses: Sequence[float], classes: int, others: Iterable[Sequence[float]] = ()
) -> int:
    """How many of a setting's trainings failed, by what is usual for it and for others."""
    return count_failed(losses, failure_limit([losses, *others], classes))


def _is_ours(trial: FrozenTrial) -> bool:
    """Whether a trial has a setting, and one value that can be compared."""
    return not is_foreign(trial) and len(trial.values or ()) == 1 and value(trial) is not None


def _read(kept: object) -> Confirmed | None:
    try:
        return Confirmed.model_validate(kept) if kept else None
    except ValidationError:  # not what vrtune wrote
        return None
