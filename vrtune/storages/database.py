"""Optuna's database, whose heartbeats are vrtune's to give and to read."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

from optuna.storages import RDBStorage
from optuna.storages._rdb.models import StudyModel, TrialModel
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState


class Database(RDBStorage):
    """Optuna's database with heartbeats: a running trial whose process still gives them is alive.

    Optuna itself must not know of them: it wants them to come from Study.optimize, and would warn
    whenever a trial is asked for.
    """

    def __init__(
        self, url: str, engine_kwargs: dict[str, Any], *, skip_table_creation: bool = False
    ) -> None:
        super().__init__(url, engine_kwargs, skip_table_creation=skip_table_creation)
        self.heartbeat_interval = 1  # there are some; how often says who gives them

    def get_heartbeat_interval(self) -> None:
        """As if there were no heartbeats."""
        return None

    def silent(self, study_id: int, seconds: float) -> set[int]:
        """Ids of the running trials that have given no heartbeat for so long, by the clock of the
        database."""
        self.grace_period = seconds  # type: ignore[assignment]  # any number will do
        return set(self._get_stale_trial_ids(study_id))

    def newest(self, study_id: int) -> int:
        """Optuna's id of a study's last trial; -1: it has none."""
        with _create_scoped_session(self.scoped_session) as session:
            of_study = session.query(TrialModel.trial_id).filter(TrialModel.study_id == study_id)
            last = of_study.order_by(TrialModel.trial_id.desc()).first()
        return -1 if last is None else int(last[0])

    def add(self, study_id: int, template: FrozenTrial) -> FrozenTrial:
        """Makes a trial like another. Tried once, where Optuna tries five times: it would make two
        where an answer was lost."""
        with _create_scoped_session(self.scoped_session) as session:
            StudyModel.find_or_raise_by_id(study_id, session, for_update=True)
            kept: Any = self._get_prepared_new_trial(study_id, template, session)
            made = copy.deepcopy(template)
            made.number, made._trial_id = kept.number, kept.trial_id
            made.datetime_start = kept.datetime_start
        return made

    def start(self, trial_id: int, at: datetime) -> bool:
        """Takes a waiting trial out of the queue, as one that began at a time; False where it waits
        no longer."""
        with _create_scoped_session(self.scoped_session) as session:
            trial: Any = TrialModel.find_or_raise_by_id(trial_id, session, for_update=True)
            self.check_trial_is_updatable(trial_id, trial.state)
            if trial.state != TrialState.WAITING:
                return False
            trial.state, trial.datetime_start = TrialState.RUNNING, at
        return True
