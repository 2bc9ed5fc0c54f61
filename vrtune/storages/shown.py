"""A storage as people are shown it: what it holds is read through a view, and never written."""

from __future__ import annotations

import copy
from collections.abc import Container, Mapping
from functools import cached_property
from typing import Any, NoReturn, Protocol

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from vrtune.errors import VrtuneError

METRICS = "study:metric_names"  # the study attribute in which Optuna keeps them
ONLY_READ = "this storage is only shown, and nothing in it can be changed"


class Sight(Protocol):
    """How a study is seen at one moment."""

    @property
    def best(self) -> int | None:
        """The number of the trial that it chose; None: Optuna's choice."""
        ...

    def trial(self, trial: FrozenTrial) -> FrozenTrial:
        """A trial as it is shown: another object, if anything is not as it is kept."""
        ...


class View(Protocol):
    """How a storage is seen."""

    def metric(self, user_attrs: Mapping[str, Any]) -> str | None:
        """What the value of a study's trials is called, by its attributes; None: not known."""
        ...

    def identity(self, user_attrs: Mapping[str, Any]) -> Any:
        """What tells a study from another of the same name, by its attributes."""
        ...

    def sight(self, study: optuna.Study) -> Sight:
        """A study as it is seen now; the same object as long as nothing has changed."""
        ...


class _Now(optuna.Study):
    """A study whose attributes are read once."""

    @cached_property
    def user_attrs(self) -> dict[str, Any]:
        return self._storage.get_study_user_attrs(self._study_id)


class Shown(BaseStorage):
    """Another storage, seen through a view. What it is asked to write it refuses.

    A study's name, and a trial that is asked for alone, are as they are kept.
    """

    def __init__(self, storage: BaseStorage, view: View) -> None:
        self.storage = storage
        self._view = view
        self._trials: dict[int, tuple[FrozenTrial, Sight, FrozenTrial]] = {}  # source, by, shown

    def study(self, study_id: int) -> optuna.Study:
        """A study as it is kept, its attributes those of now. KeyError if it is gone."""
        return _Now(self.storage.get_study_name_from_id(study_id), self.storage)

    def sight(self, study_id: int) -> Any:
        """A study as it is seen now. KeyError if it is gone."""
        return self._view.sight(self.study(study_id))

    def identities(self) -> dict[int, Any]:
        """Of each study, by its number here, what no other study has."""
        studies = self.storage.get_all_studies()
        return {s._study_id: (s.study_name, self._view.identity(s.user_attrs)) for s in studies}

    # ---- what is read ----

    def get_all_studies(self) -> list[Any]:
        """In the order in which they were made, on whatever storage."""
        studies = sorted(self.storage.get_all_studies(), key=lambda study: study._study_id)
        for study in studies:
            study.system_attrs = self._with_metric(study.user_attrs, study.system_attrs)
        return studies

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        attrs = self.storage.get_study_system_attrs(study_id)
        return self._with_metric(self.storage.get_study_user_attrs(study_id), attrs)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        trials = self.storage.get_all_trials(study_id, deepcopy=False, states=states)
        sight = self.sight(study_id)
        shown = [self._trial(trial, sight) for trial in trials]
        return copy.deepcopy(shown) if deepcopy else shown

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """The one that vrtune chose, where it did."""
        number = self.sight(study_id).best
        if number is None:
            return super().get_best_trial(study_id)
        return self.get_all_trials(study_id, deepcopy=False)[number]

    def _trial(self, trial: FrozenTrial, sight: Sight) -> FrozenTrial:
        source, by, shown = self._trials.get(trial._trial_id, (None, None, trial))
        if source is not trial or by is not sight:
            shown = sight.trial(trial)
            self._trials[trial._trial_id] = trial, sight, shown
        return shown

    def _with_metric(self, user_attrs: Mapping[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
        metric = self._view.metric(user_attrs)
        return kept if metric is None or METRICS in kept else {**kept, METRICS: [metric]}

    def get_study_id_from_name(self, study_name: str) -> int:
        return self.storage.get_study_id_from_name(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self.storage.get_study_name_from_id(study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self.storage.get_study_directions(study_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self.storage.get_study_user_attrs(study_id)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self.storage.get_trial(trial_id)

    def remove_session(self) -> None:
        self.storage.remove_session()

    # ---- what would be written ----

    def create_new_study(self, *_: Any, **__: Any) -> NoReturn:
        raise VrtuneError(ONLY_READ)

    def delete_study(self, *_: Any, **__: Any) -> NoReturn:
        raise VrtuneError(ONLY_READ)

    def set_study_user_attr(self, *_: Any, **__: Any) -> NoReturn:
        raise VrtuneError(ONLY_READ)

    def set_study_system_attr(self, *_: Any, **__: Any) -> NoReturn:
        raise VrtuneError(ONLY_READ)

    def create_new_trial(self, *_: Any, **__: Any) -> NoReturn:
        raise VrtuneError(ONLY_READ)

    def set_trial_param(self, *_: Any, **__: Any) -> NoReturn:
        raise VrtuneError(ONLY_READ)

    def set_trial_state_values(self, *_: Any, **__: Any) -> NoReturn:
        raise VrtuneError(ONLY_READ)

    def set_trial_intermediate_value(self, *_: Any, **__: Any) -> NoReturn:
        raise VrtuneError(ONLY_READ)

    def set_trial_user_attr(self, *_: Any, **__: Any) -> NoReturn:
        raise VrtuneError(ONLY_READ)

    def set_trial_system_attr(self, *_: Any, **__: Any) -> NoReturn:
        raise VrtuneError(ONLY_READ)
