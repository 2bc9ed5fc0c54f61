"""The choice among a study's trials: by all that was seen of each, on fresh starts too."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
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
    failed: int  # of the trainings that found the trial, and of these
    trainings: int
    gradient_computations: float
    mean: float | None  # over all of them; None where one diverged
    limit: float | None = None  # a training that ends above this loss has failed


@dataclass(frozen=True)
class Candidate:
    """A complete trial, and what is known of it. The less its key, the better."""

    trial: FrozenTrial
    confirmed: Confirmed | None
    limit: float = math.inf  # above which a training has failed

    @property
    def losses(self) -> list[float]:
        """Of all its trainings, those that found it first; NaN where one diverged."""
        rows = [self.trial.user_attrs.get("fold_values") or [self.trial.value]]
        rows += self.confirmed.losses if self.confirmed else []
        return [math.nan if loss is None else loss for row in rows for loss in row]

    @property
    def key(self) -> tuple[float, float, int]:
        """The share of trainings that failed, then the mean loss."""
        if self.confirmed is None:
            failed, of, mean = (
                count_failed(self.losses, self.limit),
                len(self.losses),
                self.trial.value,
            )
        else:
            failed, of, mean = self.confirmed.failed, self.confirmed.trainings, self.confirmed.mean
        return failed / of, math.inf if mean is None else mean, self.number

    @property
    def number(self) -> int:
        return self.trial.number

    @property
    def repeats(self) -> int:
        """Times that it was judged again."""
        return len(self.confirmed.losses) if self.confirmed else 0


def candidates(study: optuna.Study) -> list[Candidate]:
    """The complete trials, the most promising first; none of a study of several objectives."""
    if len(study.directions) > 1:
        return []
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    kept = study.user_attrs
    again = {t.number: _read(kept.get(ATTRIBUTE.format(t.number))) for t in complete}
    limits = [known.limit for known in again.values() if known and known.limit is not None]
    limit = min(limits, default=math.inf)
    found = [Candidate(trial, again[trial.number], limit) for trial in complete]
    return sorted(found, key=lambda candidate: candidate.key)


def ranked(study: optuna.Study) -> list[FrozenTrial]:
    """The complete trials, the best first: those that were judged again most often, then others."""
    found = candidates(study)
    most = max((c.repeats for c in found), default=0)
    found.sort(key=lambda c: (c.repeats < most, c.key))
    return [candidate.trial for candidate in found]


def confirmation(study: optuna.Study, number: int) -> Confirmed | None:
    """How a trial did when it was judged again, if it was."""
    return _read(study.user_attrs.get(ATTRIBUTE.format(number)))


def confirmations(study: optuna.Study) -> list[Confirmed]:
    """All trials that were judged again, in the order of their ranks."""
    return [c.confirmed for c in candidates(study) if c.confirmed]


def keep(study: optuna.Study, confirmed: Confirmed) -> None:
    """Keeps a confirmation with the study, in place of one of fewer repeats."""
    name = ATTRIBUTE.format(confirmed.trial)
    study.set_user_attr(name, confirmed.model_dump(mode="json"))


def failure_limit(losses: Iterable[Sequence[float]], classes: int) -> float:
    """The loss above which a training has failed, given those of several settings: in its logarithm
    half the way from what is usual for the best of them to a guess among the classes."""
    known = [[loss for loss in row if math.isfinite(loss)] for row in losses]
    guess = math.log(classes)
    usual = min((statistics.median(row) for row in known if row), default=guess)
    return min(max(math.sqrt(usual * guess), 1.25 * usual), guess)


def count_failed(losses: Iterable[float], limit: float) -> int:
    """How many trainings ended above a limit, or diverged."""
    return sum(not loss <= limit for loss in losses)


def failed_seeds(losses: Sequence[float], classes: int) -> int:
    """How many of a setting's trainings failed, by the usual one among them."""
    return count_failed(losses, failure_limit([losses], classes))


def _read(kept: object) -> Confirmed | None:
    return Confirmed.model_validate(kept) if kept else None
