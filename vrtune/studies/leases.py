"""Running trials and the processes that hold them: heartbeats, and what happens when one dies."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

import optuna
import psutil
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

HEARTBEAT_S, GRACE_S = 30, 180
AGAIN = "again"  # the trial attribute with the number of the one that is repeated
CUT_OFF = "cut off"  # the one that tells an interrupted trial from a failed one
CLAIM_S = 90.0  # a process signs a trial right after it asked for it, once the storage lets it


def worker_identity() -> dict[str, Any]:
    """Names this process, so that others can tell whether it still lives."""
    process = psutil.Process()
    return {"host": socket.gethostname(), "pid": process.pid, "started": process.create_time()}


def put_back(study: optuna.Study, trial: FrozenTrial) -> None:
    """Ends a trial that was cut off as failed, and queues another with the same parameters."""
    try:
        study._storage.set_trial_user_attr(trial._trial_id, CUT_OFF, True)
        study._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)
    except UpdateFinishedTrialError:  # another process was quicker
        return
    queue_again(study, trial)


def queue_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Queues a trial with the parameters of one that was cut off."""
    # a trial from the queue may have been cut off before it asked for its parameters
    params = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    if params:
        study.enqueue_trial(params, user_attrs={AGAIN: trial.number})


def reclaim(study: optuna.Study) -> int:
    """Puts back the running trials whose process is gone; returns how many there were."""
    optuna.storages.fail_stale_trials(study)
    here, count = socket.gethostname(), 0
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        worker = trial.user_attrs.get("worker")
        if worker is None:  # its process died before it could sign, or signs just now
            dead = _age(trial) > CLAIM_S
        else:
            dead = worker["host"] == here and not _alive(worker)
        if dead:
            put_back(study, trial)
            count += 1
    return count


def _age(trial: FrozenTrial) -> float:
    """Seconds since the trial started."""
    now = datetime.now()
    return (now - (trial.datetime_start or now)).total_seconds()


def _alive(worker: dict[str, Any]) -> bool:
    try:
        process = psutil.Process(worker["pid"])
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(process.create_time() - worker["started"]) < 1.0
    except psutil.NoSuchProcess:
        return False


class Heartbeats:
    """Says on a timer that the open trials are alive, and reclaims those of dead processes."""

    def __init__(self, study: optuna.Study, trial_ids: Collection[int]) -> None:
        """`trial_ids` may change while the heart beats."""
        self.study, self.trial_ids = study, trial_ids
        self.record = getattr(study._storage, "record_heartbeat", lambda trial_id: None)
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Heartbeats:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    def _beat(self) -> None:
        while not self.done.wait(HEARTBEAT_S):
            with suppress(
                Exception
            ):  # a storage that is away for a moment; the next beat tries again
                for trial_id in list(self.trial_ids):
                    self.record(trial_id)
                reclaim(self.study)
