"""A storage as it was at one moment, so that a round's pruning decisions read the trials once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Container
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState


class Snapshot:
    """A storage as it was at one moment: a round's pruning decisions read the trials once.

    Everything but the trials goes straight to the storage. A report made since, and a rung that
    successive halving notes, are seen by the round's later decisions too.
    """

    def __init__(
        self,
        storage: BaseStorage,
        write: Callable[..., None] = lambda call, *args: call(*args),
    ) -> None:
        """`write(call, *args)` makes a write, now or later."""
        self._storage, self._write = storage, write
        self._trials: dict[int, FrozenTrial] = {}
        self._study_ids: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def take(self, study_id: int) -> None:
        """Reads all trials of the study."""
        trials = self._storage.get_all_trials(study_id, deepcopy=False)
        self._trials = {trial._trial_id: trial for trial in trials}

    def trial(self, trial_id: int) -> FrozenTrial:
        """One trial as it was."""
        return self._trials[trial_id]

    def get_study_id_from_name(self, study_name: str) -> int:
        """As a storage's, which Hyperband asks at every decision."""
        if study_name not in self._study_ids:
            self._study_ids[study_name] = self._storage.get_study_id_from_name(study_name)
        return self._study_ids[study_name]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """As a storage's; the trials are never copied, as pruners do not change them."""
        return [t for t in self._trials.values() if states is None or t.state in states]

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """As a storage's."""
        self._write(self._storage.set_trial_system_attr, trial_id, key, value)
        trial = copy.copy(self._trials[trial_id])  # lists given out before must not see it
        trial._system_attrs = {**trial.system_attrs, key: value}
        self._trials[trial_id] = trial

    def report(self, trial_id: int, step: int, value: float) -> None:
        """Adds a report that the storage does not hold yet."""
        trial = copy.copy(self._trials[trial_id])
        trial.intermediate_values = {**trial.intermediate_values, step: value}
        self._trials[trial_id] = trial
