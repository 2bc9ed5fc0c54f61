"""A method as a study tuned it: all that is compared, read once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import optuna

from vrtune.comparing.tried import Tried, read_trial
from vrtune.config import Task
from vrtune.display.measures import Measure
from vrtune.studies.choice import Confirmed, confirmations, ranked
from vrtune.studies.counts import Counts, count, states
from vrtune.studies.diagnosed import Diagnosis, diagnosed
from vrtune.studies.record import StudyRecord, read_record
from vrtune.studies.retrained import Retrained, retrained
from vrtune.studies.searches import SearchEntry, read_searches, search_of


@dataclass(frozen=True)
class Tuned:
    """What a study found of its method, and what that took."""

    study: str
    label: str  # a short name of the method, one of its own among those that are compared
    record: StudyRecord
    trials: tuple[Tried, ...]  # all, in the order of their numbers
    choice: Tried | None  # the trial that the study chose
    confirmed: Confirmed | None  # how the choice did on fresh starts
    confirmations: tuple[Confirmed, ...]  # of all that were judged again, the choice first
    again: Retrained | None  # what came of training the choice again
    diagnosis: Diagnosis | None  # of the choice, or of another trial
    searches: tuple[SearchEntry, ...]
    counts: Counts

    @property
    def task(self) -> Task:
        return self.record.task

    @property
    def measure(self) -> Measure:
        """What it is judged by."""
        return self.record.measure

    def cost(self, trial: Tried) -> float:
        """Of a complete trial, the less the better; nothing can be worse than the others."""
        known = trial.state == "complete" and trial.value is not None and math.isfinite(trial.value)
        return self.measure.cost(trial.value) if known and trial.value is not None else math.inf

    @property
    def complete(self) -> list[Tried]:
        """The trials that ran to their end, in the order of their numbers."""
        return [t for t in self.trials if t.state == "complete" and t.value is not None]

    @property
    def spent(self) -> float:
        """Gradient computations of all trials that ended."""
        return sum(trial.spent for trial in self.trials)

    @property
    def confirm_spent(self) -> float:
        """Gradient computations of judging trials again."""
        return sum(confirmed.gradient_computations for confirmed in self.confirmations)

    @property
    def training_cost(self) -> float | None:
        """Gradient computations of one training on the whole training set."""
        again = self.again
        return again.gradient_computations / again.seeds if again and again.seeds > 0 else None

    @property
    def seconds(self) -> float | None:
        """By the clock, of all searches that came to an end."""
        ended = [s.seconds for s in self.searches if s.seconds is not None]
        return sum(ended) if ended else None

    @property
    def samplers(self) -> frozenset[str | None]:
        """Those that proposed the settings of its trials."""
        return frozenset(trial.sampler for trial in self.trials)


def read_tuned(study: optuna.Study) -> Tuned:
    """All that a study says. UsageError if vrtune did not make it."""
    record, trials = read_record(study), study.get_trials(deepcopy=False)
    searches = read_searches(study)
    known = states(trials)
    entries = {trial.number: search_of(searches, trial) for trial in trials}
    tried = tuple(
        read_trial(trial, known[trial.number], _sampler(entries[trial.number])) for trial in trials
    )
    best, again = ranked(study), confirmations(study)
    number = best[0].number if best else None
    diagnoses = [diagnosed(study, trial.number) for trial in best]
    return Tuned(
        study=study.study_name,
        label=record.method,
        record=record,
        trials=tried,
        choice=None if number is None else tried[number],
        confirmed=next((c for c in again if c.trial == number), None),
        confirmations=tuple(again),
        again=None if number is None else retrained(study, number),
        diagnosis=next((d for d in diagnoses if d), None),
        searches=tuple(searches),
        counts=count(trials),
    )


def labelled(tuned: Sequence[Tuned]) -> list[Tuned]:
    """The same, with the study's name as the label of those that would share one."""
    times = Counter(each.label for each in tuned)
    out = [replace(t, label=t.study) if times[t.label] > 1 else t for t in tuned]
    if len({each.label for each in out}) < len(out):  # a study may be called as another method
        out = [replace(each, label=each.study) for each in tuned]
    return out


def _sampler(entry: SearchEntry | None) -> str | None:
    return entry.sampler if entry else None
