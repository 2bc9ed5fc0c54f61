"""The storage's side of the search loop, on a thread of its own: lanes never wait for a write."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState

from vrtune.errors import UsageError
from vrtune.spaces import Space
from vrtune.studies.folds import report_folds
from vrtune.studies.leases import CUT_OFF, OpenTrials, was_queued
from vrtune.trial_config import TrialConfig


@dataclass
class Entry:
    """A trial that this process holds."""

    trial: optuna.Trial
    config: TrialConfig
    since: float = 0.0  # when it was seated
    epoch: int = 0
    last: float | None = None  # the last finite mean validation loss
    spent: float = 0.0  # gradient computations


class Ledger:
    """Asks, reports and tells in the order they were given, while the caller goes on.

    `settle` waits for all of it and raises what went wrong.
    """

    def __init__(
        self,
        trials: OpenTrials,
        space: Space,
        one_more: Callable[[], bool],
        *,
        only_queued: bool = False,
    ) -> None:
        """`one_more` grants another trial: `only_queued` ones, or also what the sampler draws."""
        self.trials, self.space = trials, space
        self.one_more, self.only_queued = one_more, only_queued
        self.ready: deque[Entry] = deque()  # asked for, not yet seated
        self.refunds = 0  # trials put back here, which may start again without being granted
        self.denied = False  # the last one asked for was not granted
        self.closing = False
        self.pending: list[Future[None]] = []

    def __enter__(self) -> Ledger:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.shutdown()

    def worked(self) -> float:
        """Seconds of a processor that the thread has used."""
        return self.thread.submit(time.thread_time).result()

    def later(self, call: Callable[..., None], *args: object) -> None:
        """Queues a call."""
        self.pending.append(self.thread.submit(call, *args))

    def settle(self) -> None:
        """Waits until all that was queued is done; raises the first error."""
        wait(self.pending)  # also for what comes after an error: a trial asked for must not be lost
        pending, self.pending = self.pending, []
        for future in pending:
            future.result()

    def ask(self, count: int) -> None:
        """Queues asking for trials until `count` are ready."""
        self.later(self._ask, count)

    def report(self, entry: Entry, losses: Sequence[float]) -> None:
        """Queues a trial's losses as its epoch's."""
        self.later(self._report, entry.trial, losses, entry.epoch)

    def note(self, number: int, write: Callable[[], None]) -> None:
        """Queues what a pruner writes down about a trial."""
        self.later(self._note, number, write)

    def end(self, entry: Entry, state: TrialState, kept: dict[str, Any]) -> None:
        """Queues a trial's end, and what is kept with it."""
        self.later(self._end, entry, state, kept)

    def seat(self) -> Entry:
        """The next trial that is ready."""
        entry = self.ready.popleft()
        entry.since = time.monotonic()
        return entry

    def put_back(self) -> list[int]:
        """Finishes what is queued, then ends the trials that are still held as failed and queues
        them again. Returns their numbers."""
        self.closing = True
        wait(self.pending)
        self.pending = []
        numbers = self.trials.put_back()
        self.ready.clear()
        self.closing = False
        return numbers

    # ---- on the thread -------------------------------------------------------------------------

    def _ask(self, count: int) -> None:
        while len(self.ready) < count and not self.closing:
            if self.refunds:
                self.refunds -= 1
            else:
                self.denied = not self.one_more()
                if self.denied:
                    return
            trial = self.trials.take()
            if self.only_queued and not was_queued(trial):  # others took the last
                trial.set_user_attr(CUT_OFF, True)
                self._tell(trial, state=TrialState.FAIL)
                self.denied = True
                return
            try:
                with self.trials.unless_lost(trial.number):
                    config = self.space.suggest(trial)
                    trial.set_user_attr("config", config.model_dump(mode="json"))
                    self.ready.append(Entry(trial, config))
            except UsageError:  # asked again, the module would only break again
                self._tell(trial, state=TrialState.FAIL)
                raise

    def _report(self, trial: optuna.Trial, losses: Sequence[float], epoch: int) -> None:
        with self.trials.unless_lost(trial.number):
            report_folds(trial, losses, epoch)

    def _note(self, number: int, write: Callable[[], None]) -> None:
        with self.trials.unless_lost(number):
            write()

    def _end(self, entry: Entry, state: TrialState, kept: dict[str, Any]) -> None:
        with self.trials.unless_lost(entry.trial.number):
            for name, value in kept.items():
                entry.trial.set_user_attr(name, value)
            value = entry.last if state is TrialState.COMPLETE else None
            self._tell(entry.trial, value, state=state)

    def _tell(self, trial: optuna.Trial, value: float | None = None, *, state: TrialState) -> None:
        self.trials.study.tell(trial, value, state=state, skip_if_finished=True)
        self.trials.release(trial.number)
