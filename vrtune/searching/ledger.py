"""The storage's side of the search loop, on a thread of its own: lanes never wait for a write."""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from vrtune.config import TrialConfig
from vrtune.errors import UsageError
from vrtune.spaces import Space
from vrtune.studies.leases import CUT_OFF, put_back, worker_identity

DIVERGED = (
    10.0  # a trial that diverges before its first finite loss counts as this many ln(classes)
)


@dataclass
class Entry:
    """A trial that this process holds."""

    trial: optuna.Trial
    config: TrialConfig
    last: float  # the last finite mean validation loss, or the value of diverging at once
    since: float = 0.0  # when it was seated
    epoch: int = 0


class Ledger:
    """Asks, reports and tells in the order they were given, while the caller goes on.

    `settle` waits for all of it and raises what went wrong.
    """

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        ticket: Callable[[], bool],
        classes: int,
        *,
        only_queued: bool = False,
    ) -> None:
        """`ticket` grants one more trial; `only_queued` ones, or also such as the sampler draws."""
        self.study, self.space, self.ticket, self.only_queued = study, space, ticket, only_queued
        self.worst = DIVERGED * math.log(classes)
        self.held: set[int] = set()  # ids of the trials that are alive by this process
        self.lost: set[int] = set()  # ids of those that another process took for dead, and ended
        self.ready: deque[Entry] = deque()  # asked for, not yet seated
        self.refunds = 0  # trials put back here, which may start again without a ticket
        self.denied = False  # the last ticket asked for was not granted
        self.closing = False
        self.identity = worker_identity()
        self.beat = getattr(study._storage, "record_heartbeat", lambda trial_id: None)
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

    def report(self, entry: Entry) -> None:
        """Queues a trial's last value as its epoch's."""
        self.later(self._report, entry, entry.last, entry.epoch)

    def note(self, write: Callable[..., None], trial_id: int, *args: object) -> None:
        """Queues what a pruner writes down about a trial."""
        self.later(self._note, write, trial_id, *args)

    def end(self, entry: Entry, state: TrialState, kept: dict[str, Any]) -> None:
        """Queues a trial's end, and what is kept with it."""
        self.later(self._end, entry, state, kept)

    def put_back(self) -> list[int]:
        """Finishes what is queued, then ends the trials that are still held as failed and queues
        them again. Returns their numbers."""
        self.closing = True
        wait(self.pending)
        self.pending = []
        numbers = []
        for trial_id in sorted(self.held):
            with contextlib.suppress(Exception):  # the first error is the one to be seen
                trial = self.study._storage.get_trial(trial_id)
                put_back(self.study, trial)
                numbers.append(trial.number)
            self.held.discard(trial_id)
        self.ready.clear()
        self.closing = False
        return numbers

    # ---- on the thread -------------------------------------------------------------------------

    def _ask(self, count: int) -> None:
        while len(self.ready) < count and not self.closing:
            if self.refunds:
                self.refunds -= 1
            else:
                self.denied = not self.ticket()
                if self.denied:
                    return
            trial = self.study.ask()
            self.held.add(trial._trial_id)
            try:
                if self.only_queued and not self._was_queued(trial):  # others took the last
                    trial.set_user_attr(CUT_OFF, True)
                    self._fail(trial)
                    self.denied = True
                    return
                with self._unless_lost(trial._trial_id):
                    self.beat(trial._trial_id)
                    trial.set_user_attr("worker", self.identity)
                    config = self.space.suggest(trial)
                    trial.set_user_attr("config", config.model_dump(mode="json"))
                    self.ready.append(Entry(trial, config, self.worst))
            except UsageError:  # asked again, the module would only break again
                self._fail(trial)
                raise

    def _was_queued(self, trial: optuna.Trial) -> bool:
        return "fixed_params" in self.study._storage.get_trial(trial._trial_id).system_attrs

    def _fail(self, trial: optuna.Trial) -> None:
        self.study.tell(trial, state=TrialState.FAIL)
        self.held.discard(trial._trial_id)

    def _report(self, entry: Entry, value: float, step: int) -> None:
        with self._unless_lost(entry.trial._trial_id):
            entry.trial.report(value, step=step)

    def _note(self, write: Callable[..., None], trial_id: int, *args: object) -> None:
        with self._unless_lost(trial_id):
            write(trial_id, *args)

    def _end(self, entry: Entry, state: TrialState, kept: dict[str, Any]) -> None:
        with self._unless_lost(entry.trial._trial_id):
            for name, value in kept.items():
                entry.trial.set_user_attr(name, value)
            value = entry.last if state is TrialState.COMPLETE else None
            self.study.tell(entry.trial, value, state=state, skip_if_finished=True)
        self.held.discard(entry.trial._trial_id)

    @contextlib.contextmanager
    def _unless_lost(self, trial_id: int) -> Iterator[None]:
        """Gives up a trial that another process has ended, and has queued again."""
        try:
            yield
        except UpdateFinishedTrialError:
            self.lost.add(trial_id)
            self.held.discard(trial_id)

    def seat(self) -> Entry:
        """The next trial that is ready."""
        entry = self.ready.popleft()
        entry.since = time.monotonic()
        return entry
