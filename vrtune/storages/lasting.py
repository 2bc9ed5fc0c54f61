"""Storages that outlast a while in which they are away: nothing is stored twice, and nothing lost.

Where a connection is cut, only the answer to what was stored may be lost. What is set stays as it
is if it is set again; what is made, taken or ended is looked up before it is tried again.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from inspect import getattr_static
from types import FunctionType
from typing import Any, TypeVar

from optuna.storages import BaseStorage
from optuna.storages._base import DEFAULT_STUDY_NAME_PREFIX
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from vrtune.storages.patience import lasting

Kind = TypeVar("Kind", bound=type)


def patiently(kind: Kind) -> Kind:
    """A kind of storage with a `url`, all of whose calls wait where it is away."""
    for name in dir(kind):
        method = getattr_static(kind, name)
        known = hasattr(Lasting, name) and name in vars(Lasting)
        if isinstance(method, FunctionType) and not name.startswith("__") and not known:
            setattr(kind, name, _patient(method))
    return kind


def _patient(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, *args: Any, **named: Any) -> Any:
        return lasting(self.url, lambda: method(self, *args, **named))

    return call


class Lasting(BaseStorage):
    """The calls that must not be made twice, before a storage that fails with a StorageFault."""

    url: str

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        """As a storage's."""
        drawn = DEFAULT_STUDY_NAME_PREFIX + str(uuid.uuid4())
        name = drawn if study_name is None else study_name

        def stored() -> int | None:
            """One in which nobody has written anything."""
            try:
                study_id = self.get_study_id_from_name(name)
            except KeyError:
                return None
            attrs = self.get_study_user_attrs(study_id), self.get_study_system_attrs(study_id)
            return None if any(attrs) or self.get_n_trials(study_id) else study_id

        make = super().create_new_study  # type: ignore[safe-super]
        return lasting(self.url, lambda: make(directions, name), stored)

    def delete_study(self, study_id: int) -> None:
        """As a storage's."""
        delete = super().delete_study  # type: ignore[safe-super]

        def stored() -> bool | None:
            return None if any(s._study_id == study_id for s in self.get_all_studies()) else True

        lasting(self.url, lambda: delete(study_id), stored)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """As a storage's."""
        return self._create_new_trial(study_id, template_trial)._trial_id

    def _create_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None = None
    ) -> FrozenTrial:
        """As that of Optuna's database."""
        template = template_trial or _begun(datetime.now())
        newest = self._newest(study_id) if template_trial else -1  # older ones may be like it

        def stored() -> FrozenTrial | None:
            trials = self.get_all_trials(study_id, deepcopy=False)
            newer = (trial for trial in trials if trial._trial_id > newest)
            return next((trial for trial in newer if _alike(trial, template)), None)

        return lasting(self.url, lambda: self._add(study_id, template), stored)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """As a storage's."""
        end, at = super().set_trial_state_values, datetime.now()  # type: ignore[safe-super]
        if state is TrialState.RUNNING:
            return lasting(
                self.url,
                lambda: self._start(trial_id, at),
                lambda: self._started(self.get_trial(trial_id), at),
            )

        def stored() -> bool | None:
            trial = self.get_trial(trial_id)
            return True if (trial.state, trial.values) == (state, values and [*values]) else None

        return lasting(self.url, lambda: end(trial_id, state, values), stored)

    def _newest(self, study_id: int) -> int:
        """Optuna's id of a study's last trial, where that is soon said; else -1."""
        return -1

    def _add(self, study_id: int, template: FrozenTrial) -> FrozenTrial:
        """Makes a trial like another."""
        raise NotImplementedError

    def _start(self, trial_id: int, at: datetime) -> bool:
        """Takes a waiting trial out of the queue."""
        raise NotImplementedError

    def _started(self, trial: FrozenTrial, at: datetime) -> bool | None:
        """True where it was this process that took a trial out of the queue at that time. None
        where that can't be told: if it was, nobody signs the trial, and it is queued again."""
        return None


def _begun(at: datetime) -> FrozenTrial:
    """A trial that begins, known by its time to a microsecond."""
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=TrialState.RUNNING,
        value=None,
        datetime_start=at,
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )


def _alike(trial: FrozenTrial, template: FrozenTrial) -> bool:
    """Whether a trial was made like another; a queued one may have been taken since."""
    if template.state is not TrialState.WAITING:
        same = trial.state is template.state and trial.datetime_start == template.datetime_start
        return same and trial.params == template.params
    fixed = [_kept(t.system_attrs.get("fixed_params")) for t in (trial, template)]
    return fixed[0] == fixed[1] and _kept(template.user_attrs).items() <= trial.user_attrs.items()


def _kept(value: Any) -> Any:
    """A value as a storage gives it back."""
    return json.loads(json.dumps(value))
