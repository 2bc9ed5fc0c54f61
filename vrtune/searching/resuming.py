"""Resuming within a trial: checkpoints are written while it trains, and looked for when another
takes its place."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any

import optuna

from vrtune.errors import VrtuneError
from vrtune.lanes.pool import Pool, Standing
from vrtune.lanes.states import State, packed, unpacked
from vrtune.lanes.workspace import Workspace
from vrtune.searching.background import Background
from vrtune.searching.entry import Entry
from vrtune.studies.checkpoints import Checkpoint, Checkpoints, chain
from vrtune.studies.leases import AGAIN
from vrtune.studies.outcome import CONTINUED, INHERITED
from vrtune.studies.pace import Every, Pace

LAST_S = 10.0  # for what is being written when the search ends


class Resuming:
    """Writes the checkpoints of the trials in training, on a thread of its own, and finds those of
    trials that were cut off."""

    def __init__(
        self, study: optuna.Study, storage: str, workspace: Workspace, every: Every
    ) -> None:
        self.study, self.workspace = study, workspace
        self.checkpoints, self.pace = Checkpoints(study, storage), Pace(every)
        self.faults: list[str] = []  # sentences that nobody was shown yet
        self.unable = set[int]()  # trials of which no state holds all
        self.hindered = False
        self.before: dict[int, list[int]] = {}  # by trial, those whose checkpoints it needs no more
        self.writing: list[Future[None]] = []

    def __enter__(self) -> Resuming:
        self.thread = Background("checkpoints")
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.end(LAST_S)

    def find(self, trial: optuna.Trial, entry: Entry) -> None:
        """Has the entry of a trial that repeats one go on from the latest checkpoint, if any."""
        again = trial.user_attrs.get(AGAIN)
        if again is None:
            return
        before = [*chain(self.study, again)]
        self.before[trial.number] = before
        for number in before:
            try:
                found = self.checkpoints.read(number, self._about(entry))
                if found is not None:
                    _go_on(entry, found)
                    trial.set_user_attr(CONTINUED, entry.epoch)
                    trial.set_user_attr(INHERITED, entry.inherited)
                    return
            except VrtuneError as error:
                self.faults.append(f"{error}: trial {trial.number} does not go on from it")

    def write_due(self, seated: Mapping[int, Entry], pool: Pool) -> list[str]:
        """Writes those that are due, unless the last are still being written; returns what hindered
        it since the last call, a sentence each."""
        busy = any(not future.done() for future in self.writing) and self.pace.every == "auto"
        able = {number: entry for number, entry in seated.items() if number not in self.unable}
        due = [n for n, entry in able.items() if self.pace.due(entry.epoch - entry.written)]
        if due and not busy:
            self.pace.begin()
            self.writing = []
            for number in due:
                try:
                    self.writing.append(self._begin(number, seated[number], pool))
                except ValueError as error:  # a unit of another package or file keeps more
                    self.unable.add(number)
                    self._tell(f"trial {number} takes no checkpoints, as {error}")
        said, self.faults = self.faults, []
        return said

    def _begin(self, number: int, entry: Entry, pool: Pool) -> Future[None]:
        began, entry.written = time.perf_counter(), entry.epoch
        checkpoint = _made(entry, pool.states(number))
        self.pace.took(time.perf_counter() - began)
        return self.thread.submit(self._write, number, checkpoint, self._about(entry))

    def forget(self, number: int) -> None:
        """Removes the checkpoints of a trial that has ended."""
        self.thread.submit(self.checkpoints.remove, number, *self.before.pop(number, ()))

    def _about(self, entry: Entry) -> dict[str, Any]:
        return {**self.workspace.signature, "setting": entry.config.model_dump(mode="json")}

    # ---- on the thread -------------------------------------------------------------------------

    def _write(self, number: int, checkpoint: Checkpoint, about: Mapping[str, Any]) -> None:
        began = time.perf_counter()
        try:
            self.checkpoints.write(number, checkpoint, about)
        except OSError as error:
            self._tell(f"{self.checkpoints.folder} can't be written ({error.strerror or error})")
            return
        self.checkpoints.remove(*self.before.pop(number, ()))
        self.pace.took(time.perf_counter() - began)

    def _tell(self, why: str) -> None:
        if not self.hindered:  # once: it is tried again, as room may be made
            self.hindered = True
            self.faults.append(
                f"{why}: the search goes on, and trials that are cut off meanwhile begin anew"
            )


def _made(entry: Entry, states: list[State]) -> Checkpoint:
    tensors, lanes = packed(states)
    told = {
        "lanes": lanes,
        "epoch": entry.epoch,
        "seconds": time.monotonic() - entry.since,
        "last": entry.last,
        "costs": [*entry.costs],  # which grows while this is written
        "judged": [asdict(standing) for standing in entry.judged],
    }
    return Checkpoint(tensors, told)


def _go_on(entry: Entry, found: Checkpoint) -> None:
    told = found.told
    try:
        entry.states = unpacked(found.tensors, told["lanes"])
        entry.judged = [Standing(**standing) for standing in told["judged"]]
        entry.epoch, entry.last, entry.costs = told["epoch"], told["last"], told["costs"]
        entry.seconds = told["seconds"]
        entry.spent = entry.inherited = entry.costs[-1]
    except (LookupError, TypeError, ValueError) as error:
        raise VrtuneError(f"a checkpoint holds something else ({error})") from None
    entry.written, entry.unreported = entry.epoch, len(entry.judged)
