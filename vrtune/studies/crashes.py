"""Trials that crash their process, as a fault in a library's code does: not for ever."""

from __future__ import annotations

import signal

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from vrtune.events import Finished
from vrtune.studies.alive import identity, is_identity
from vrtune.studies.leases import AGAIN, CUT_OFF, SEARCH, WORKER, reclaim

# by which a process ends for a fault of its own; others are sent by somebody, or lack memory
FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}
MOST = 3  # times in a row that a trial is tried
CRASHES = "crashes"  # the trial attribute that counts them


def clear_up(study: optuna.Study, search: str, pid: int, number: int) -> Finished | None:
    """Puts back what a process has left that ended by this signal; returns the end of what crashed
    it again."""
    end = crashed(study, search, pid, number)
    reclaim(study)
    return end


def crashed(study: optuna.Study, search: str, pid: int, number: int) -> Finished | None:
    """Counts a crash of a process, which ended by this signal, for the only trial that it held. One
    that crashed so often in a row fails, instead of being queued again: its end is returned."""
    held = [trial for trial in _running(study) if _is_of(trial, search, pid)]
    if number not in FAULTS or len(held) != 1:  # which one it was of several can't be told
        return None
    storage, (trial,) = study._storage, held
    before = _before(study, trial)
    count = 1 + (before.user_attrs.get(CRASHES, 0) if before else 0)
    name = signal.Signals(number).name
    reason = f"its process crashed {count} times in a row ({name})"
    try:
        storage.set_trial_user_attr(trial._trial_id, CRASHES, count)
        if count < MOST:
            return None
        storage.set_trial_user_attr(trial._trial_id, "error", reason)
        storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)
    except UpdateFinishedTrialError:  # another process has put it back
        return None
    return Finished(number=trial.number, state="failed", params=trial.params, reason=reason)


def _running(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def _is_of(trial: FrozenTrial, search: str, pid: int) -> bool:
    """Whether a process of this machine holds a trial."""
    worker = trial.user_attrs.get(WORKER)
    if not is_identity(worker):
        return False
    mine = {"host": identity()["host"], "pid": pid, SEARCH: search}
    return all(worker.get(name) == value for name, value in mine.items())


def _before(study: optuna.Study, trial: FrozenTrial) -> FrozenTrial | None:
    """The one that a trial repeats, as it was cut off."""
    trials, number = study.get_trials(deepcopy=False), trial.user_attrs.get(AGAIN)
    if not isinstance(number, int) or not 0 <= number < len(trials):
        return None
    return trials[number] if trials[number].user_attrs.get(CUT_OFF) else None
