"""Optuna's database, whose heartbeats are vrtune's to give and to read."""

from __future__ import annotations

from typing import Any

from optuna.storages import RDBStorage


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
