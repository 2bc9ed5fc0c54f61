"""Running trials and the processes that hold them: heartbeats, and what happens when one dies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from vrtune.storages.database import Database
from vrtune.storages.locks import locked
from vrtune.storages.patience import back_for
from vrtune.storages.quiet import quiet
from vrtune.studies.alive import alive, identity, is_identity, pulse, pulse_age, same, watch
from vrtune.studies.costs import SPENT, spent_by

HEARTBEAT_S, GRACE_S = 30, 180
AGAIN = "again"  # the trial attribute with the number of the one that is repeated
CUT_OFF = "cut off"  # the one that tells an interrupted trial from a failed one
WORKER = "worker"  # the one that names the process which holds a trial
SEARCH = "search"  # its entry that says for which search
PULSE = "pulse"  # the system attribute with a sign of life of that process
LEAVE_S = 5.0  # a storage that does not answer holds nobody up
CLAIM_S = 90.0  # a process signs a trial right after it asked for it, once the storage lets it


class OpenTrials:
    """The trials that this process holds, known by their numbers.

    Each is signed, so that others can tell whether its process still lives. While this is open
    (`with`), a thread says on a timer that they are alive, and puts those of dead processes back.
    """

    def __init__(self, study: optuna.Study, search: str = "") -> None:
        """`search` names the one that they belong to."""
        self.study = study
        self.lost: set[int] = set()  # those that another process took for dead, and ended
        self._ids: dict[int, int] = {}  # Optuna's, by number
        self._told: dict[int, int] = {}  # by number, the epoch by which it was told what it cost
        self._worker = {**identity(), **({SEARCH: search} if search else {})}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> OpenTrials:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(LEAVE_S)

    def take(self) -> optuna.Trial:
        """Asks for one more, and signs it."""
        trial = self._ask()
        self._ids[trial.number] = trial._trial_id
        with self.unless_lost(trial.number):
            trial.set_user_attr(WORKER, self._worker)
            self._beats(trial._trial_id)
        return trial

    def _ask(self) -> optuna.Trial:
        """Asks; alone, where the sampler looks at what others try: two would propose the same. A
        trial keeps only what it has asked for, so what is proposed is noted."""
        if (name := getattr(self.study.sampler, "proposed", None)) is None:
            return self.study.ask()
        with locked(self.study, "to propose a setting"):
            trial = self.study.ask()
            if not queued_values(trial) and (params := trial.relative_params):
                self.study._storage.set_trial_system_attr(trial._trial_id, name, params)
            return trial

    def spends(self, trial: optuna.Trial, epoch: int, spent: float) -> None:
        """Tells what a trial has cost, for as long as it is not told by its end: after its first
        epoch, and whenever the number of epochs has doubled."""
        if epoch >= 2 * self._told.get(trial.number, 0):
            self._told[trial.number] = epoch
            self.study._storage.set_trial_system_attr(trial._trial_id, SPENT, [epoch, spent])

    def release(self, number: int) -> None:
        """Holds a trial no longer: it has ended."""
        self._ids.pop(number, None)
        self._told.pop(number, None)

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
            for trial_id in list(self._ids.values()):
                with suppress(Exception):  # it has just ended, or the storage is away
                    self._beats(trial_id)
            with suppress(Exception):
                reclaim(self.study)

    def _beats(self, trial_id: int) -> None:
        """Says that a trial's process lives, to the database's clock and to those who watch."""
        storage = self.study._storage
        storage.set_trial_system_attr(trial_id, PULSE, pulse())
        if hasattr(storage, "record_heartbeat"):
            storage.record_heartbeat(trial_id)


def was_queued(trial: optuna.Trial) -> bool:
    """Whether a trial was waiting in the queue; the sampler draws the others."""
    return "fixed_params" in trial.storage.get_trial(trial._trial_id).system_attrs


def queued_values(trial: optuna.Trial) -> dict[str, Any]:
    """What a trial was queued with; empty if the sampler draws it."""
    return dict(trial._fixed_params)


def asked_for(trial: FrozenTrial) -> dict[str, Any]:
    """What a trial was queued with, and what it asked for; it may have been cut off before."""
    fixed = trial.system_attrs.get("fixed_params")
    return {**(fixed if isinstance(fixed, dict) else {}), **trial.params}


# ---- trials that were cut off --------------------------------------------------------------------


def put_back(study: optuna.Study, trial: FrozenTrial) -> None:
    """Ends a trial that was cut off as failed, and queues another with the same parameters. A
    process that is killed in between leaves it to the next `reclaim`."""
    storage, trial_id = study._storage, trial._trial_id
    with locked(study, "to put a trial back"):
        try:
            if (spent := spent_by(trial)) is not None:
                storage.set_trial_user_attr(trial_id, "gradient_computations", spent)
            storage.set_trial_user_attr(trial_id, CUT_OFF, True)
            storage.set_trial_state_values(trial_id, state=TrialState.FAIL)
        except UpdateFinishedTrialError:  # another process was quicker
            return
        # another may have, where the storage was away and has forgotten the lock
        if any(each.number == trial.number for each in unrepeated(study)):
            _queue_again(study, storage.get_trial(trial_id))


@quiet()
def reclaim(study: optuna.Study) -> int:
    """Puts back the running trials whose process is gone; returns how many there were."""
    dead = [trial for trial, lives in _judged(study) if lives is False]
    for trial in dead:
        put_back(study, trial)
    if unrepeated(study):  # another process is putting them back now, or died while it did
        with locked(study, "to put a trial back"):
            for trial in unrepeated(study):
                _queue_again(study, trial)
    return len(dead)


def in_doubt(study: optuna.Study) -> bool:
    """Whether a process holds a trial of which it can't be told yet whether it lives."""
    return any(lives is None for _, lives in _judged(study))


def _queue_again(study: optuna.Study, trial: FrozenTrial) -> None:
    if params := asked_for(trial):
        study.enqueue_trial(params, user_attrs={AGAIN: trial.number})


def unrepeated(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that were cut off, and are not queued again."""
    trials = study.get_trials(deepcopy=False)
    again = [trial.user_attrs.get(AGAIN) for trial in trials]
    return [
        trial
        for trial in trials
        if trial.state is TrialState.FAIL
        and trial.user_attrs.get(CUT_OFF) is True
        and trial.number not in again
        and asked_for(trial)
    ]


def _judged(study: optuna.Study) -> list[tuple[FrozenTrial, bool | None]]:
    """The running trials, and whether the process of each lives; None: not known yet."""
    me, silent = identity(), _silent(study)
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [(trial, _lives(study, trial, me, silent)) for trial in running]


def _lives(
    study: optuna.Study, trial: FrozenTrial, me: dict[str, Any], silent: set[int]
) -> bool | None:
    """Whether the process that holds a trial lives: seen here, or else by its signs of life."""
    worker, felt = trial.user_attrs.get(WORKER), trial.system_attrs.get(PULSE)
    told = len(trial.params), len(trial.intermediate_values), len(trial.user_attrs)
    thing = study.study_name, trial.number, trial.datetime_start
    quiet_s, changed = watch(thing, (felt, told))
    if WORKER not in trial.user_attrs and trial.params:  # another program's: vrtune signs first
        return True
    if not is_identity(worker):  # its process died before it could sign, or signs just now
        return False if quiet_s >= CLAIM_S else changed or None
    if same(worker, me):  # a process never judges its own
        return True
    if (seen := alive(worker)) is not None:
        return seen
    if back_for() < GRACE_S:  # while the storage was away nobody could say anything
        return changed or None
    age = pulse_age(felt)  # by the clock of this machine, as in another container
    if quiet_s > GRACE_S or (age is None and trial._trial_id in silent):
        return False
    if age is not None:
        return age <= GRACE_S
    return changed or None


def _silent(study: optuna.Study) -> set[int]:
    """Optuna's ids of the running trials that have given no heartbeat for GRACE_S, by the clock of
    the database."""
    database = getattr(study._storage, "_backend", None)  # inside Optuna's cache
    return database.silent(study._study_id, GRACE_S) if isinstance(database, Database) else set()
