"""The choice among a study's trials: by all that was seen of each, on fresh starts too."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from vrtune.config import Settings

ATTRIBUTE = "confirm-{}"  # of the study: a finished trial's own can't be changed


class Confirmed(Settings):
    """A trial judged again by cross-validation, on other initial weights and orders of batches."""

    trial: int
    losses: list[list[float | None]]  # [repeat][fold]
    accuracies: list[list[float | None]]
    failed: int  # trainings that learned little, of those that found the trial and these
    trainings: int
    gradient_computations: float
    mean: float | None  # over all of them; None where one diverged


@dataclass(frozen=True)
class Candidate:
    """A complete trial, and what is known of it. The less, the better."""

    trial: FrozenTrial
    confirmed: Confirmed | None

    @property
    def key(self) -> tuple[float, float, int]:
        """The share of trainings that failed, then the mean loss."""
        if self.confirmed is None:
            return 0.0, math.inf if self.trial.value is None else self.trial.value, self.number
        mean = math.inf if self.confirmed.mean is None else self.confirmed.mean
        return self.confirmed.failed / self.confirmed.trainings, mean, self.number

    @property
    def number(self) -> int:
        return self.trial.number


def candidates(study: optuna.Study) -> list[Candidate]:
    """The complete trials, the most promising first; none of a study of several objectives."""
    if len(study.directions) > 1:
        return []
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    kept = study.user_attrs
    found = [Candidate(t, _read(kept.get(ATTRIBUTE.format(t.number)))) for t in complete]
    return sorted(found, key=lambda candidate: candidate.key)


def ranked(study: optuna.Study) -> list[FrozenTrial]:
    """The complete trials, the best first: those that were confirmed, then the others."""
    found = sorted(candidates(study), key=lambda c: (c.confirmed is None, c.key))
    return [candidate.trial for candidate in found]


def confirmation(study: optuna.Study, number: int) -> Confirmed | None:
    """How a trial did when it was judged again, if it was."""
    return _read(study.user_attrs.get(ATTRIBUTE.format(number)))


def confirmations(study: optuna.Study) -> list[Confirmed]:
    """All trials that were judged again, in the order of their ranks."""
    return [c.confirmed for c in candidates(study) if c.confirmed]


def keep(study: optuna.Study, confirmed: Confirmed) -> None:
    """Keeps a confirmation with the study, in place of one of fewer repeats, whose cost counts."""
    earlier = confirmation(study, confirmed.trial)
    spent = confirmed.gradient_computations + (earlier.gradient_computations if earlier else 0)
    kept = confirmed.model_copy(update={"gradient_computations": spent})
    study.set_user_attr(ATTRIBUTE.format(confirmed.trial), kept.model_dump(mode="json"))


def count_failed(losses: list[float], classes: int) -> int:
    """How many trainings learned little: their loss is, in its logarithm, nearer to that of a guess
    among the classes than to the median one, and well above that."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    if not finite:
        return len(losses)
    median = statistics.median(finite)
    limit = max(math.sqrt(median * math.log(classes)), 1.25 * median)
    return sum(not loss <= limit for loss in losses)


def _read(kept: object) -> Confirmed | None:
    return Confirmed.model_validate(kept) if kept else None
