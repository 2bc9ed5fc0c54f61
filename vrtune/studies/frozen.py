"""A study that stands still for a round, so that all its pruning decisions read the trials once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Container, Sequence
from functools import partial
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from vrtune.studies.folds import as_attributes, mean

Write = Callable[[int, Callable[[], None]], None]  # the number of a trial, and a write to it


def _at_once(number: int, write: Callable[[], None]) -> None:
    write()


class Pruning:
    """Says which trials are to be pruned, as Optuna's `should_prune` would.

    That one reads all trials for each decision. This one decides on the trials as they were when it
    was last refreshed, and on what was reported to it since.
    """

    def __init__(self, study: optuna.Study, write: Write = _at_once) -> None:
        """`write(number, call)` makes a pruner's note about a trial, now or later."""
        self.storage = FrozenStorage(study._storage, write)
        self.study = optuna.Study(
            study.study_name,
            self.storage,  # type: ignore[arg-type]
            sampler=study.sampler,
            pruner=study.pruner,
        )

    def refresh(self) -> None:
        """Reads all trials of the study."""
        self.storage.refresh(self.study._study_id)

    def report(self, number: int, epoch: int, values: Sequence[float]) -> None:
        """Adds a trial's values of an epoch, one a fold, which the storage need not know yet."""
        self.storage.report(number, epoch, values)

    def should_prune(self, number: int) -> bool:
        """Whether the pruner gives the trial up, after the last epoch that was reported."""
        return bool(self.study.pruner.prune(self.study, self.storage.trials[number]))


class FrozenStorage:
    """A storage whose trials change by what is reported here alone. All else is the storage's own.

    A pruner takes it for a storage: the methods that it calls are those of Optuna's BaseStorage.
    """

    def __init__(self, storage: BaseStorage, write: Write) -> None:
        self._storage, self._write = storage, write
        self.trials: dict[int, FrozenTrial] = {}  # by number
        self._numbers: dict[int, int] = {}  # by Optuna's id
        self._study_ids: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def refresh(self, study_id: int) -> None:
        """Reads all trials of a study."""
        trials = self._storage.get_all_trials(study_id, deepcopy=False)
        self.trials = {trial.number: trial for trial in trials}
        self._numbers = {trial._trial_id: trial.number for trial in trials}

    def report(self, number: int, epoch: int, values: Sequence[float]) -> None:
        """Adds a report."""
        trial = self._changed(number)
        trial.intermediate_values = {**trial.intermediate_values, epoch: mean(values)}
        trial.system_attrs = {**trial.system_attrs, **as_attributes(values, epoch)}

    def get_study_id_from_name(self, study_name: str) -> int:
        """As a storage's, but asked for once: Hyperband wants it for every decision."""
        if study_name not in self._study_ids:
            self._study_ids[study_name] = self._storage.get_study_id_from_name(study_name)
        return self._study_ids[study_name]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """As a storage's, but never copied: pruners do not change trials."""
        return [t for t in self.trials.values() if states is None or t.state in states]

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """As a storage's: where successive halving notes that a trial has reached a rung."""
        number = self._numbers[trial_id]
        self._write(number, partial(self._storage.set_trial_system_attr, trial_id, key, value))
        trial = self._changed(number)
        trial.system_attrs = {**trial.system_attrs, key: value}

    def _changed(self, number: int) -> FrozenTrial:
        """A trial in a copy that may be changed: lists given out before must not see it."""
        trial = self.trials[number] = copy.copy(self.trials[number])
        return trial
