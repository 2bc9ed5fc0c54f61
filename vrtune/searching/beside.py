"""What others do beside a search: those that train trials of the same study."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue

from optuna.trial import FrozenTrial

from vrtune.display.progress import Listener
from vrtune.events import Finished
from vrtune.searching.plan import Work
from vrtune.searching.processes import Processes
from vrtune.searching.watching import finished
from vrtune.studies.alive import identity
from vrtune.studies.leases import WORKER

LOOK_S = 15.0  # between two looks at the storage
OTHERS = -1  # the number of their process


class Beside:
    """Looks for trials that others have ended; now and then on a thread of its own, while this is
    open. What only trains trials of another search does not care."""

    def __init__(self, work: Work, processes: Processes) -> None:
        self.study, self.processes, self.cares = work.study, processes, not work.request.works
        self.host, self.pids = identity()["host"], {identity()["pid"]}
        self.known = {trial.number for trial in self._ended()}
        self.events: SimpleQueue[Finished] = SimpleQueue()  # nobody was told of yet
        self._looking, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Beside:
        if self.cares:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def look(self) -> None:
        """Looks at the storage now."""
        with self._looking:
            self.pids |= self.processes.pids  # those that were killed since, too
            for trial in self._ended():
                if trial.number not in self.known:
                    self.known.add(trial.number)
                    event = replace(finished(trial), worker=OTHERS)
                    if event.state != "put back" and self._is_anothers(trial):
                        self.events.put(event)

    def tell(self, progress: Listener) -> None:
        """Tells of what was seen."""
        while not self.events.empty():
            progress(self.events.get())

    def _look_on(self) -> None:
        while not self._over.wait(LOOK_S):
            with suppress(Exception):  # a storage that is away
                self.look()

    def _ended(self) -> list[FrozenTrial]:
        return [t for t in self.study.get_trials(deepcopy=False) if t.state.is_finished()]

    def _is_anothers(self, trial: FrozenTrial) -> bool:
        signed = trial.user_attrs.get(WORKER)
        if not isinstance(signed, dict):
            return False
        return signed.get("host") != self.host or signed.get("pid") not in self.pids
