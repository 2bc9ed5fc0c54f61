"""The search loop of a process: ask -> seat -> train an epoch -> report -> prune or tell.

Storage and sampler work on the ledger's thread while lanes train: an epoch's reports are written
during the next one, and successors of trials that are about to end are asked for ahead, if others
are under way. Pruning decides on this process's own reports and what the storage held when the
epoch began. A crash loses the reports of one epoch at most, and no end is shown that is not stored.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container
from contextlib import AbstractContextManager, nullcontext, suppress

import optuna
import torch
from optuna.trial import TrialState

from vrtune.events import Event, Halved, Noted, RoundEnded, TimeSpent
from vrtune.lanes.pool import Pool, Standing
from vrtune.lanes.shortage import NoMemory, one_error_of_memory
from vrtune.searching.artifacts import Files
from vrtune.searching.early import EarlyStopping
from vrtune.searching.entry import Entry, ending
from vrtune.searching.judging import Judging
from vrtune.searching.ledger import Ledger
from vrtune.searching.lookout import Lookout
from vrtune.searching.resuming import Resuming
from vrtune.searching.timesheet import Stopwatch
from vrtune.spaces import Space
from vrtune.storages.patience import away
from vrtune.studies.leases import OpenTrials
from vrtune.trial_config import TrialConfig


class SearchLoop:
    """Runs a study's trials, `slots` of them at a time, until no other one is granted."""

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        pool: Pool,
        *,
        search: str = "",
        slots: int,
        together: int = 0,
        judged_at: Container[int] | None,
        decided_at: Container[int] | None,
        only_queued: bool,
        files: Files,
        resuming: Resuming,
        one_more: Callable[[], bool],
        alone: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(True),
        stopping: Callable[[], bool],
        expired: Callable[[], bool],
        threads: Callable[[], int],
        progress: Callable[[Event], None],
    ) -> None:
        """Its trials say that they are of `search`. The first `together` start at once. They are
        judged at epochs `judged_at`, or after every one, and pruned at `decided_at`, or any;
        `only_queued` ones run, or also those that the sampler draws; `files` keeps more of them,
        `resuming` of those in training. `one_more` grants another, which is asked for inside
        `alone()`, if that agrees; `stopping` turns true when the user wants to stop, `expired` when
        time or budget is spent; `threads` says on how many the lanes may train by now."""
        self.pool, self.slots, self.together = pool, slots, together
        self.judged_at, self.decided_at = judged_at, decided_at
        self.threads, self.progress = threads, progress
        self.epochs = pool.workspace.task.epochs
        self.trials = OpenTrials(study, search)
        self.files, self.resuming = files, resuming
        self.ledger = Ledger(
            self.trials, space, one_more, files, resuming, only_queued=only_queued, alone=alone
        )
        early = EarlyStopping.of(pool.workspace)
        self.judging = Judging(study, self.ledger, early, self.epochs, decided_at)
        self.lookout = Lookout(self.ledger, pool, stopping, expired, progress)
        study.pruner = optuna.pruners.NopPruner()  # a sampler would see Hyperband's bracket alone
        self.seated: dict[int, Entry] = {}  # in training
        self.ended: list[int] = []  # in the last round
        self.spent = 0.0  # gradient computations of trials that have left
        self.watch = Stopwatch()

    def run(self) -> None:
        """Trains until no trial is left. Stopped or any error puts the open trials back.

        KeyboardInterrupt if the user asked twice to stop, or once while a call hung.
        """
        self.watch.use(self.threads())
        with self.trials, self.ledger, self.resuming:
            try:
                while self._round():
                    pass
            except BaseException as error:
                try:
                    self.lookout.give_up(error)
                finally:
                    with suppress(Exception):  # nobody may hear it any more
                        self._say_times()
                raise
            self._say_times()

    def _round(self) -> bool:
        """Trains all seated trials for an epoch; False if there is none."""
        fresh = self._fill()
        if not self.seated:
            return False
        decides, now = self.judging.decides, self.seated.values()
        if any(entry.unreported or decides(entry.epoch + 1) for entry in now):
            self.judging.refresh()
        self.ledger.ask(self._expected())
        standings = self._epoch(fresh)
        if standings is None:
            self._shrink()
        else:
            self._judge(standings)
        return True

    def _say_times(self) -> None:
        sheet = self.watch.sheet(self.ledger.worked())
        self.progress(TimeSpent(times=sheet.model_dump()))

    # ---- slots ---------------------------------------------------------------------------------

    def _fill(self) -> dict[int, TrialConfig]:
        """Gives the free slots to trials that are ready, and to fresh ones where those are few."""
        self.lookout.check()
        ledger, free = self.ledger, max(self.slots - len(self.seated), self.together)
        if len(ledger.ready) < free and not (self.seated and away()):
            ledger.ask(free)
            self.lookout.settle()
        entries = [ledger.seat() for _ in range(max(0, min(free, len(ledger.ready))))]
        self.together = 0
        self.seated |= {entry.trial.number: entry for entry in entries}
        if not self.seated:
            self.lookout.settle()
        return {entry.trial.number: entry.config for entry in entries}

    def _expected(self) -> int:
        """How many trials will end with the next epoch: those in their last one for certain, half
        of those that the pruner decides on; where it always does, about as many as last time."""
        if self.slots == 1:  # the sampler is to know how the only one ended
            return 0
        at = [entry.epoch + 1 for entry in self.seated.values()]
        spare = len(at) - self.slots
        certain = sum(epoch >= self.epochs for epoch in at)
        if self.decided_at is not None:
            return certain + math.ceil(sum(map(self.judging.decides, at)) / 2) - spare
        return max(certain, min(len(self.ended), self.slots // 2)) - spare

    def _epoch(self, fresh: dict[int, TrialConfig]) -> dict[int, Standing] | None:
        """Seats fresh trials and trains all for an epoch; None if there is no memory for that."""
        slots = max(self.slots, len(self.seated))
        watch, more = self.watch, not self.ledger.denied or len(self.seated) == slots
        states = {number: entry.states for number, entry in self.seated.items() if entry.states}
        began = time.perf_counter()
        try:
            with one_error_of_memory():
                watch.use(threads := self.threads())
                with watch.measure("seating"):
                    self.pool.use_threads(threads)
                    self.pool.exchange(self.ended, fresh, states)
                with watch.measure("training"):
                    train_losses = self.pool.train_epoch(self.lookout.after_step)
                with watch.measure("judging"):
                    standings = self.pool.validate(train_losses, self.judged_at)
        except torch.OutOfMemoryError:
            return None
        worked = time.perf_counter() - began
        watch.round(slots, len(self.seated), worked, more=more)
        return standings

    def _shrink(self) -> None:
        """Goes on after the device ran out of memory: the same trials, fewer lanes at once; where
        that can't be, with half the slots."""
        trials = {number: (entry.config, entry.epoch) for number, entry in self.seated.items()}
        while lanes := self.pool.halve(len(trials)):
            with suppress(torch.OutOfMemoryError), one_error_of_memory():
                self.pool.restore(trials, self.lookout.check)
                self.ended = []
                self.progress(Halved(lanes=lanes))
                return
        self._halve()

    def _halve(self) -> None:
        """Goes on with half the slots."""
        task = self.pool.workspace.task
        if self.slots == 1 and len(self.seated) == 1:
            raise NoMemory(
                f"{self.pool.workspace.device} has no memory for the {task.parts} lanes of one "
                "trial: give a smaller --batch-size, or fewer --folds or --jobs"
            )
        self.lookout.settle()  # a trial that is being asked for is put back, too
        self.ledger.refunds += len(self.seated) + len(self.ledger.ready)
        self.lookout.show_put_back(self.ledger.put_back())
        if self.ledger.interrupted:
            raise KeyboardInterrupt
        self.seated, self.ended = {}, []
        self.pool.clear()
        self.pool.most = None
        self.slots = math.ceil(self.slots / 2)
        self.progress(Halved(lanes=self.slots * task.parts))

    # ---- judging -------------------------------------------------------------------------------

    def _judge(self, standings: dict[int, Standing]) -> None:
        """Reports every trial's mean over folds, then ends those that are pruned or done."""
        judging, seated = self.judging, self.seated
        judging.blind = not self.lookout.settle(go_on=True)
        diverged = {n for n, standing in standings.items() if judging.report(seated[n], standing)}
        self.ended = []
        for number, standing in standings.items():
            bad = number in diverged
            if number in self.trials.lost:
                self._leave(number)
            elif state := judging.end(seated[number], standing, diverged=bad):
                self._end(number, standing, state, diverged=bad)
            else:
                continue
            self.ended.append(number)
        for said in self.resuming.write_due(seated, self.pool):
            self.progress(Noted(text=said))
        lanes = sum(len(lanes.seats) for lanes in self.pool.groups.values())
        spent = self.spent + sum(entry.spent - entry.inherited for entry in seated.values())
        behind = sum(entry.epoch for entry in seated.values())
        self.progress(RoundEnded(running=len(seated), lanes=lanes, spent=spent, behind=behind))

    def _leave(self, number: int) -> Entry:
        """A trial leaves its slot."""
        entry = self.seated.pop(number)
        self.spent += entry.spent - entry.inherited
        return entry

    def _end(
        self, number: int, standing: Standing, state: TrialState, *, diverged: bool = False
    ) -> None:
        """Has the study told what a trial cost and what each fold said; shown when that is done."""
        entry = self._leave(number)
        weights = self.files.weights(self.pool, number, state)
        standing, early = self.judging.early.kept(entry, standing, state)
        told, event = ending(entry, standing, state, diverged=diverged)
        self.ledger.end(entry, state, told | early, event, weights)
