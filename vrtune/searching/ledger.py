"""The storage's side of the search loop, on a thread of its own: lanes never wait for a write."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import optuna
from optuna.trial import TrialState

from vrtune.errors import UsageError
from vrtune.events import Event, Finished
from vrtune.searching.artifacts import Files, Weights
from vrtune.searching.background import Background
from vrtune.searching.entry import Entry
from vrtune.searching.interrupts import within
from vrtune.searching.questions import Questions
from vrtune.searching.resuming import Resuming
from vrtune.spaces import Space
from vrtune.storages.patience import away, patient
from vrtune.studies.costs import keep_costs
from vrtune.studies.folds import report_folds
from vrtune.studies.leases import CUT_OFF, OpenTrials, was_queued

POLL_S = 0.1  # how often it is looked whether to wait on
# for what was queued when all ends; for a call that a user who asks twice won't wait for
PATIENCE_S, URGED_S = 5.0, 1.0
PUTTING_BACK_S = 60.0  # open trials


class Ledger:
    """Asks, reports and tells in the order they were given, while the caller goes on.

    `settle` waits for all of it and raises what went wrong. `told` fills with what the storage
    knows by now and nobody was shown yet.
    """

    def __init__(
        self,
        trials: OpenTrials,
        space: Space,
        one_more: Callable[[], bool],
        files: Files | None = None,
        resuming: Resuming | None = None,
        *,
        only_queued: bool = False,
        alone: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(True),
    ) -> None:
        """`one_more` grants another trial: `only_queued` ones, or also what the sampler draws;
        `files` keeps more of those that end than the study can, `resuming` of those that do not;
        inside `alone()`, which may refuse it yet, it is asked for."""
        self.trials = trials
        self.questions = Questions(space, only_queued=only_queued)
        self.one_more, self.only_queued, self.files = one_more, only_queued, files
        self.resuming, self.alone = resuming, alone
        self.ready: deque[Entry] = deque()  # asked for, not yet seated
        self.told: deque[Event] = deque()
        self.refunds = 0  # trials put back here, which may start again without being granted
        self.denied = False  # the last one asked for was not granted
        self.closing = False
        self.hung = False  # a call did not return when all was to end
        self.interrupted = False  # KeyboardInterrupt came while trials were put back
        self.pending: list[Future[None]] = []

    def __enter__(self) -> Ledger:
        self.thread = Background("ledger")
        self.patience = patient(self.told.append)
        self.patience.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.end(0 if self.hung else PATIENCE_S)
        self.patience.__exit__(None, None, None)

    def worked(self) -> float:
        """Seconds of a processor that the thread has used."""
        return 0.0 if self.hung else self.thread.submit(time.thread_time).result()

    def later(self, call: Callable[..., None], *args: object) -> None:
        """Queues a call."""
        self.pending.append(self.thread.submit(call, *args))

    def settle(self, waiting: Callable[[], None] = lambda: None, *, go_on: bool = False) -> bool:
        """Waits until all that was queued is done; raises the first error. `waiting` is called now
        and then, and may raise to wait no longer. Those who can `go_on` while the storage is away
        are told so: False."""
        # also for what comes after an error: a trial asked for must not be lost
        while wait(self.pending, 0 if (goes := go_on and away()) else POLL_S).not_done:
            if goes:
                return False
            waiting()
        pending, self.pending = self.pending, []
        for future in pending:
            future.result()
        return True

    def ask(self, count: int) -> None:
        """Queues asking for trials until `count` are ready."""
        self.later(self._ask, count)

    def report(self, entry: Entry, values: Sequence[float], epoch: int, spent: float) -> None:
        """Queues what a trial's folds are judged by after an epoch, and its cost by then."""
        self.later(self._report, entry.trial, values, epoch, spent)

    def note(self, number: int, write: Callable[[], None]) -> None:
        """Queues what a pruner writes down about a trial."""
        self.later(self._note, number, write)

    def end(
        self,
        entry: Entry,
        state: TrialState,
        kept: dict[str, Any],
        event: Finished,
        weights: Weights | None = None,
    ) -> None:
        """Queues a trial's end, and what is kept with it, `weights` in a file; the event is for
        when that is stored."""
        self.later(self._end, entry, state, kept, event, weights or [])

    def seat(self) -> Entry:
        """The next trial that is ready."""
        entry = self.ready.popleft()
        entry.since = time.monotonic() - entry.seconds
        return entry

    def put_back(self, *, urged: bool = False) -> list[int]:
        """Ends the trials that are still held as failed and queues them again; returns their
        numbers. What is queued is finished before, unless that takes too long for a user who asks
        again: `urged`, or `interrupted` from now on.
        """
        self.closing = True
        numbers: list[int] = []
        try:
            wait(self.pending, URGED_S if urged else PATIENCE_S)
        except KeyboardInterrupt:
            self.interrupted = urged = True
        self.hung = not all(future.done() for future in self.pending)
        within(
            URGED_S if urged else PUTTING_BACK_S,
            URGED_S,
            lambda: numbers.extend(self.trials.put_back()),
        )
        self.pending = []
        self.ready.clear()
        self.closing = self.hung  # a call that comes back asks for no other trial
        return numbers

    def stuck(self) -> str:
        """What has not returned, and for how long."""
        seconds = f"for {self.thread.busy_s():.0f} s"
        if (number := self.questions.open) is None:
            return f"the storage has not answered {seconds}"
        where = f"{self.questions.space.path}: suggest(trial)"
        return f"{where} has not returned {seconds} (trial {number})"

    # ---- on the thread -------------------------------------------------------------------------

    def _ask(self, count: int) -> None:
        while len(self.ready) < count and not self.closing:
            self.denied = not self.refunds and not self.one_more()
            if self.denied:
                return
            self.refunds = max(0, self.refunds - 1)
            with self.alone() as granted:
                self.denied = not granted
                if self.denied:
                    return
                trial = self.trials.take()
            if self.only_queued and not was_queued(trial):  # others took the last
                trial.set_user_attr(CUT_OFF, True)
                self._tell(trial, state=TrialState.FAIL)
                self.denied = True
                return
            with self.trials.unless_lost(trial.number):
                answer = self.questions.ask(trial)
                if isinstance(answer, Entry):
                    if self.resuming:
                        self.resuming.find(trial, answer)
                    trial.set_user_attr("config", answer.config.model_dump(mode="json"))
                    self.ready.append(answer)
                    continue
                if answer.state == "failed":
                    trial.set_user_attr("error", answer.reason)
                pruned = answer.state == "pruned"
                self._tell(trial, state=TrialState.PRUNED if pruned else TrialState.FAIL)
                self.told.append(answer)
            if (why := self.questions.hopeless()) is not None:
                raise UsageError(why)

    def _report(
        self, trial: optuna.Trial, values: Sequence[float], epoch: int, spent: float
    ) -> None:
        with self.trials.unless_lost(trial.number):
            report_folds(trial, values, epoch)
            self.trials.spends(trial, epoch, spent)

    def _note(self, number: int, write: Callable[[], None]) -> None:
        with self.trials.unless_lost(number):
            write()

    def _end(
        self,
        entry: Entry,
        state: TrialState,
        kept: dict[str, Any],
        event: Finished,
        weights: Weights,
    ) -> None:
        with self.trials.unless_lost(entry.trial.number):
            for name, value in kept.items():
                entry.trial.set_user_attr(name, value)
            keep_costs(entry.trial, entry.costs)
            if self.files:  # before the end: Optuna adds none to a trial that is over
                self.told.extend(self.files.keep(entry, weights))
            value = entry.last if state is TrialState.COMPLETE else None
            self._tell(entry.trial, value, state=state)
            self.told.append(event)

    def _tell(self, trial: optuna.Trial, value: float | None = None, *, state: TrialState) -> None:
        self.trials.study.tell(trial, value, state=state, skip_if_finished=True)
        self.trials.release(trial.number)
        if self.resuming:
            self.resuming.forget(trial.number)
