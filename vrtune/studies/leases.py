"""Running trials and the processes that hold them: heartbeats, and what happens when one dies."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import optuna
import psutil
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from vrtune.studies.quiet import quiet

HEARTBEAT_S, GRACE_S = 30, 180
AGAIN = "again"  # the trial attribute with the number of the one that is repeated
CUT_OFF = "cut off"  # the one that tells an interrupted trial from a failed one
WORKER = "worker"  # the one that names the process which holds a trial
CLAIM_S = 90.0  # a process signs a trial right after it asked for it, once the storage lets it


class OpenTrials:
    """The trials that this process holds, known by their numbers.

    Each is signed, so that others can tell whether its process still lives. While this is open
    (`with`), a thread says on a timer that they are alive, and puts those of dead processes back.
    """

    def __init__(self, study: optuna.Study) -> None:
        self.study = study
        self.lost: set[int] = set()  # those that another process took for dead, and ended
        self._ids: dict[int, int] = {}  # Optuna's, by number
        self._worker = worker_identity()
        self._record_heartbeat = getattr(study._storage, "record_heartbeat", lambda trial_id: None)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> OpenTrials:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def take(self) -> optuna.Trial:
        """Asks for one more, and signs it."""
        trial = self.study.ask()
        self._ids[trial.number] = trial._trial_id
        with self.unless_lost(trial.number):
            self._record_heartbeat(trial._trial_id)
            trial.set_user_attr(WORKER, self._worker)
        return trial

    def release(self, number: int) -> None:
        """Holds a trial no longer: it has ended."""
        self._ids.pop(number, None)

    @contextmanager
    def unless_lost(self, number: int) -> Iterator[None]:
        """Writes to a trial inside; gives it up if another process has ended it: it is queued again
        by then."""
        try:
            yield
        except UpdateFinishedTrialError:
            self.lost.add(number)
            self.release(number)

    def put_back(self) -> list[int]:
        """Ends all that are held as failed and queues them again; returns their numbers."""
        numbers = []
        for number in sorted(self._ids):
            with suppress(Exception):  # an error that led here is the one to be seen
                put_back(self.study, self.study._storage.get_trial(self._ids[number]))
                numbers.append(number)
            self.release(number)
        return numbers

    def _beat(self) -> None:
        while not self._done.wait(HEARTBEAT_S):
            with suppress(Exception):  # a storage that is away; the next beat tries again
                for trial_id in list(self._ids.values()):
                    self._record_heartbeat(trial_id)
                reclaim(self.study)


def worker_identity() -> dict[str, Any]:
    """Names this process, so that others can tell whether it still lives."""
    process = psutil.Process()
    return {"host": socket.gethostname(), "pid": process.pid, "started": process.create_time()}


def was_queued(trial: optuna.Trial) -> bool:
    """Whether a trial was waiting in the queue; the sampler draws the others."""
    return "fixed_params" in trial.storage.get_trial(trial._trial_id).system_attrs


def put_back(study: optuna.Study, trial: FrozenTrial) -> None:
    """Ends a trial that was cut off as failed, and queues another with the same parameters."""
    try:
        study._storage.set_trial_user_attr(trial._trial_id, CUT_OFF, True)
        study._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)
    except UpdateFinishedTrialError:  # another process was quicker
        return
    # a trial from the queue may have been cut off before it asked for its parameters
    params = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    if params:
        study.enqueue_trial(params, user_attrs={AGAIN: trial.number})


@quiet()
def reclaim(study: optuna.Study) -> int:
    """Puts back the running trials whose process is gone; returns how many there were."""
    here, silent, count = socket.gethostname(), _silent(study), 0
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        worker = trial.user_attrs.get(WORKER)
        if trial._trial_id in silent:
            dead = True
        elif worker is None:  # its process died before it could sign, or signs just now
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


def _silent(study: optuna.Study) -> set[int]:
    """Optuna's ids of the running trials that have given no heartbeat for GRACE_S."""
    database = getattr(study._storage, "_backend", None)  # inside Optuna's cache
    if not isinstance(database, Database):
        return set()
    return set(database._get_stale_trial_ids(study._study_id))


class Database(RDBStorage):
    """Optuna's database with heartbeats, which OpenTrials gives and `reclaim` reads.

    Optuna itself must not know of them: it wants them to come from Study.optimize, and would warn
    whenever a trial is asked for.
    """

    def __init__(self, url: str, engine_kwargs: dict[str, Any]) -> None:
        super().__init__(url, engine_kwargs)
        self.heartbeat_interval, self.grace_period = HEARTBEAT_S, GRACE_S

    def get_heartbeat_interval(self) -> None:
        """As if there were no heartbeats."""
        return None
