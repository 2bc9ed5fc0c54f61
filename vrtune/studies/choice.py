"""The choice among a study's trials: by all that was seen of each, on fresh starts too."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import optuna
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field, ValidationError

from vrtune.config import Settings
from vrtune.display.measures import cost
from vrtune.storages.locks import locked
from vrtune.studies.outcome import fold_losses, fold_values, is_foreign, value

NO_BETTER = 0.97  # of the loss of a guess
Values = list[list[float | None]]  # [repeat][fold]
ATTRIBUTE = "confirm-{}"  # of the study: a finished trial's own can't be changed


class Confirmed(Settings):
    """A trial judged again by cross-validation, on other initial weights and orders of batches."""

    trial: int
    losses: Values
    accuracies: Values  # none where targets are numbers
    values: Values | None = None  # of the study's metric; None where that is the loss
    metrics: dict[str, Values] = Field(default_factory=dict)  # of others than accuracy
    # of the trainings that found the trial, and of these: counted when it is read
    failed: int = Field(default=0, le=10**9)
    trainings: int = Field(ge=1, le=10**9)
    gradient_computations: float
    mean: float | None  # over all of them; None where one diverged
    classes: int | None = Field(default=None, ge=1)  # of older versions, for the same as
    guess: float | None = None  # what outputs of zero would lose; 0 where that says nothing

    @property
    def judged(self) -> Values:
        """What the study is judged by."""
        return self.losses if self.values is None else self.values

    def and_then(self, last: Confirmed) -> Confirmed:
        """With one more repeat, whose `trainings` and `mean` are those of all."""
        spent = self.gradient_computations + last.gradient_computations
        return last.model_copy(
            update={
                "losses": [*self.losses, *last.losses],
                "accuracies": [*self.accuracies, *last.accuracies],
                "values": None if last.values is None else [*(self.values or []), *last.values],
                "metrics": {n: [*self.metrics.get(n, []), *v] for n, v in last.metrics.items()},
                "gradient_computations": spent,
            }
        )

    @property
    def baseline(self) -> float | None:
        """What a guess would lose; None if nobody knows."""
        return math.log(self.classes) if self.guess is None and self.classes else self.guess


@dataclass(frozen=True)
class Candidate:
    """A complete trial, and what is known of it. The less its key, the better."""

    trial: FrozenTrial
    confirmed: Confirmed | None
    failed: int = 0  # of its trainings
    direction: str = "minimize"  # which values are better

    @property
    def losses(self) -> list[float]:
        """Of all its trainings, those that found it first; NaN where one diverged."""
        again = self.confirmed.losses if self.confirmed else []
        return _flat([fold_losses(self.trial) or [value(self.trial)], *again])

    @property
    def values(self) -> list[float]:
        """The same by the study's metric."""
        again = self.confirmed.judged if self.confirmed else []
        return _flat([fold_values(self.trial) or [value(self.trial)], *again])

    @property
    def key(self) -> tuple[float, float, int]:
        """The share of trainings that failed, then the mean value: the less, the better."""
        mean = self.trial.value if self.confirmed is None else self.confirmed.mean
        of = len(self.losses) if self.confirmed is None else self.confirmed.trainings
        least = math.inf if mean is None else cost(mean, self.direction)
        return self.failed / of, least, self.number

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
    direction = next((each.name.lower() for each in study.directions), "minimize")  # damaged: none
    found = [
        Candidate(trial, known, known.failed if known else 0, direction)
        for trial, known in zip(complete, again, strict=True)
    ]
    guess = next((known.baseline for known in again if known), None)
    if guess is not None:
        found = recounted(found, guess)
    return sorted(found, key=lambda candidate: candidate.key)


def recounted(found: list[Candidate], guess: float) -> list[Candidate]:
    """The same, with the failures of all counted by one limit."""
    limit = failure_limit([candidate.losses for candidate in found], guess)
    counts = [count_failed(candidate.losses, limit) for candidate in found]
    return [
        replace(c, confirmed=c.confirmed and c.confirmed.model_copy(update={"failed": n}), failed=n)
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


def failure_limit(losses: Iterable[Sequence[float]], guess: float) -> float:
    """The loss above which a training has failed, given those of several settings: in its logarithm
    half the way from what is usual for the best of them to that of a guess, and in any case where
    it is no better than that. Losses that may be negative have no such logarithm: what is no better
    than a guess has failed, or, where a guess loses nothing, what is not finite."""
    known = [[loss for loss in row if math.isfinite(loss)] for row in losses]
    if not 0 < guess < math.inf:
        return sys.float_info.max
    usual = min((statistics.median(row) for row in known if row), default=guess)
    if usual < 0:
        return NO_BETTER * guess
    return min(max(math.sqrt(usual * guess), 1.25 * usual), NO_BETTER * guess)


def count_failed(losses: Iterable[float], limit: float) -> int:
    """How many trainings ended above a limit, or diverged."""
    return sum(not loss <= limit for loss in losses)


def failed_seeds(
    losses: Sequence[float], guess: float, others: Iterable[Sequence[float]] = ()
) -> int:
    """How many of a setting's trainings failed, by what is usual for it and for others."""
    return count_failed(losses, failure_limit([losses, *others], guess))


def _flat(rows: Iterable[Sequence[float | None]]) -> list[float]:
    return [math.nan if value is None else value for row in rows for value in row]


def _is_ours(trial: FrozenTrial) -> bool:
    """Whether a trial has a setting, and one value that can be compared."""
    return not is_foreign(trial) and len(trial.values or ()) == 1 and value(trial) is not None


def _read(kept: object) -> Confirmed | None:
    try:
        return Confirmed.model_validate(kept) if kept else None
    except ValidationError:  # not what vrtune wrote
        return None
