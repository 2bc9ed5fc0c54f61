"""The search loop of a process: ask -> seat -> train an epoch -> report -> prune or tell.

Storage and sampler work on the ledger's thread while lanes train: an epoch's reports are written
during the next one, and successors of trials that are about to end are asked for ahead. Pruning
decides on this process's own reports and what the storage held when the epoch began. A crash
loses the reports of one epoch at most.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container
from typing import Any

import optuna
import torch
from optuna.trial import TrialState

from vrtune.config import TrialConfig
from vrtune.errors import VrtuneError
from vrtune.events import Event, Finished, Halved, RoundEnded, Stopped, TimeSpent
from vrtune.lanes.pool import Pool, Progress, finite
from vrtune.searching.interrupts import uninterrupted
from vrtune.searching.ledger import Entry, Ledger
from vrtune.searching.timesheet import Stopwatch
from vrtune.spaces import Space
from vrtune.studies.frozen import Snapshot
from vrtune.studies.leases import Heartbeats


class SearchLoop:
    """Runs a study's trials, `slots` of them at a time, until no ticket for another is left."""

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        pool: Pool,
        *,
        slots: int,
        judged_at: Container[int] | None,
        decided_at: Container[int] | None,
        only_queued: bool,
        ticket: Callable[[], bool],
        stopping: Callable[[], bool],
        threads: Callable[[], int],
        tell: Callable[[Event], None],
    ) -> None:
        """Trials are judged at the epochs `judged_at`, or after every one, and pruned at
        `decided_at`, or any; `only_queued` ones run, or also those that the sampler draws; `ticket`
        grants one more; `stopping` turns true when the user wants to stop; `threads` says how many
        may share the lanes by now."""
        self.study, self.pool, self.slots = study, pool, slots
        self.judged_at, self.decided_at = judged_at, decided_at
        self.stopping, self.threads, self.show = stopping, threads, tell
        self.epochs = pool.workspace.task.epochs
        classes = pool.workspace.dataset.classes
        self.ledger = Ledger(study, space, ticket, classes, only_queued=only_queued)
        self.snapshot = Snapshot(study._storage, write=self.ledger.note)
        self.judged = optuna.Study(
            study.study_name,
            self.snapshot,  # type: ignore[arg-type]
            sampler=study.sampler,
            pruner=study.pruner,
        )
        self.open: dict[int, Entry] = {}
        self.ended: list[int] = []  # in the last round
        self.watch = Stopwatch()

    def run(self) -> None:
        """Trains until tickets run out. Stopped or any error puts the open trials back."""
        self.watch.use(self.threads())
        with Heartbeats(self.study, self.ledger.held), self.ledger:
            try:
                while True:
                    fresh = self._fill()
                    if not self.open:
                        return
                    if any(self._decides(entry.epoch + 1) for entry in self.open.values()):
                        self.ledger.later(self.snapshot.take, self.study._study_id)
                    self.ledger.ask(self._expected())
                    progress = self._epoch(fresh)
                    if progress is None:
                        self._halve()
                    else:
                        self._judge(progress)
            except BaseException:
                with uninterrupted():
                    self._put_back()
                raise
            finally:
                sheet = self.watch.sheet(self.ledger.worked())
                self.show(TimeSpent(times=sheet.model_dump()))

    # ---- slots ---------------------------------------------------------------------------------

    def _fill(self) -> dict[int, TrialConfig]:
        """Gives the free slots to trials that are ready, and to fresh ones where those are few."""
        self._check()
        ledger, free = self.ledger, self.slots - len(self.open)
        if len(ledger.ready) < free:
            ledger.ask(free)
            ledger.settle()
        entries = [ledger.seat() for _ in range(min(free, len(ledger.ready)))]
        self.open |= {entry.trial.number: entry for entry in entries}
        if not self.open:
            ledger.settle()
        return {entry.trial.number: entry.config for entry in entries}

    def _expected(self) -> int:
        """How many trials will end with the next epoch: those in their last one for certain, half
        of those that the pruner decides on; where it always does, about as many as last time."""
        at = [entry.epoch + 1 for entry in self.open.values()]
        certain = sum(epoch >= self.epochs for epoch in at)
        if self.decided_at is not None:
            return certain + math.ceil(sum(map(self._decides, at)) / 2)
        return max(certain, min(len(self.ended), self.slots // 2))

    def _epoch(self, fresh: dict[int, TrialConfig]) -> dict[int, Progress] | None:
        """Seats fresh trials and trains all for an epoch; None if there is no memory for that."""
        watch, more = self.watch, not self.ledger.denied or len(self.open) == self.slots
        began = time.perf_counter()
        try:
            watch.use(threads := self.threads())
            with watch.measure("seating"):
                self.pool.share(threads)
                self.pool.exchange(self.ended, fresh)
            with watch.measure("training"):
                train_losses = self.pool.train_epoch(self._check)
            with watch.measure("judging"):
                progress = self.pool.validate(train_losses, self.judged_at)
        except torch.OutOfMemoryError:
            return None
        worked = time.perf_counter() - began
        watch.round(self.slots, len(self.open), worked, more=more)
        return progress

    def _halve(self) -> None:
        """Goes on with half the slots, after the device ran out of memory."""
        task = self.pool.workspace.task
        if self.slots == 1:
            raise VrtuneError(
                f"{self.pool.workspace.device} has no memory for the {task.parts} lanes of one "
                "trial: give a smaller --batch-size, or fewer --folds"
            )
        self.ledger.settle()  # a trial that is being asked for is put back, too
        self.ledger.refunds += len(self.open) + len(self.ledger.ready)
        self._put_back()
        self.pool.clear()
        self.slots = math.ceil(self.slots / 2)
        self.show(Halved(lanes=self.slots * task.parts))

    def _put_back(self) -> None:
        for number in self.ledger.put_back():
            self.show(Finished(number=number, state="put back"))
        self.open, self.ended = {}, []

    def _check(self) -> None:
        if self.stopping():
            raise Stopped

    # ---- judging -------------------------------------------------------------------------------

    def _judge(self, progress: dict[int, Progress]) -> None:
        """Reports every trial's mean over folds, then ends those that are pruned or done."""
        self.ledger.settle()
        diverged = set()
        for number, state in progress.items():
            entry = self.open[number]
            entry.epoch = state.epoch
            if not state.losses:
                continue
            mean = sum(state.losses) / len(state.losses)
            if math.isfinite(mean):
                entry.last = mean
            else:
                diverged.add(number)
            self.ledger.report(entry)
            if self._decides(state.epoch):
                self.snapshot.report(entry.trial._trial_id, state.epoch, entry.last)
        self.ended = []
        for number, state in progress.items():
            done = state.epoch >= self.epochs
            if self.open[number].trial._trial_id in self.ledger.lost:
                del self.open[number]
            elif not state.losses:
                continue
            elif number in diverged or (self._decides(state.epoch) and self._prune(number)):
                self._end(number, state, TrialState.PRUNED, diverged=number in diverged)
            elif done:
                self._end(number, state, TrialState.COMPLETE)
            else:
                continue
            self.ended.append(number)
        lanes = sum(len(lanes.seats) for lanes in self.pool.groups.values())
        self.show(RoundEnded(running=len(self.open), lanes=lanes))

    def _decides(self, epoch: int) -> bool:
        """Whether the pruner may end a trial after this epoch."""
        may = self.decided_at is None or epoch in self.decided_at
        return may and epoch < self.epochs

    def _prune(self, number: int) -> bool:
        trial = self.snapshot.trial(self.open[number].trial._trial_id)
        return bool(self.study.pruner.prune(self.judged, trial))

    def _end(
        self, number: int, state: Progress, end: TrialState, *, diverged: bool = False
    ) -> None:
        """Keeps with the trial what it cost and what each fold said, and tells the study."""
        entry = self.open.pop(number)
        seconds = time.monotonic() - entry.since
        kept: dict[str, Any] = {
            "fold_values": finite(state.losses),
            "fold_accuracies": finite(state.accuracies),
            "gradient_computations": state.gradient_computations,
            "seconds": round(seconds, 3),
        }
        if diverged:
            kept["diverged"] = True
        self.ledger.end(entry, end, kept)
        self.show(
            Finished(
                number=number,
                state="diverged" if diverged else end.name.lower(),
                value=entry.last,
                epoch=state.epoch,
                params=dict(entry.trial.params),
                seconds=seconds,
            )
        )
