"""A search on many machines: an engine runs the workers, the storage is all that they share.

This process opens the study, watches it until its goal is reached, and concludes the search.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import optuna
from sqlalchemy import make_url

from vrtune.display.progress import Listener
from vrtune.engines.base import Engine, Share
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Noted
from vrtune.given.arguments import Device
from vrtune.searching.interrupts import interrupts, within
from vrtune.searching.ledger import PUTTING_BACK_S, URGED_S
from vrtune.searching.plan import Work
from vrtune.searching.settings import SearchSettings
from vrtune.searching.watching import Watch
from vrtune.searching.work import work as train
from vrtune.storages.urls import understand
from vrtune.studies.folders import beside
from vrtune.studies.goals import close, left, reached
from vrtune.studies.leases import reclaim

LOOK_S, RECLAIM_S = 0.5, 15.0  # between two looks at the storage, and at dead workers
PATIENCE_S = 60.0  # for workers to put their trials back
STOPPING = "stopping: the workers put their open trials back (once more ends it at once)"
LOCAL = ("localhost", "127.0.0.1", "::1", None)


@dataclass(frozen=True, kw_only=True)
class Remote:
    """What each worker runs: the study is joined there, as `vrtune work` does."""

    study: str
    storage: str
    jobs: int | Literal["auto"]
    device: Device
    folder: str  # where this search runs

    def __call__(self) -> str | None:
        """Trains trials until there are enough; why it could not, if so."""
        same = os.path.isdir(self.folder)  # where checkpoints lie beside a server's studies
        there = contextlib.chdir(self.folder) if same else contextlib.nullcontext()
        try:
            with interrupts() as asked, there:
                if not asked():
                    train(
                        self.study,
                        storage=self.storage,
                        jobs=self.jobs,
                        device=self.device,
                        progress=False,
                    )
        except VrtuneError as error:
            return str(error)
        return None


@contextmanager
def engaged(settings: SearchSettings) -> Iterator[Engine | None]:
    """The engine that the settings ask for, as long as it is needed; None for none. UsageError or
    VrtuneError if it can't be had, or could not share the storage."""
    engine = _engine(settings)
    if engine is None:
        yield None
        return
    try:
        check_shared(engine, settings.storage)
        yield engine
    finally:
        engine.close()


def check_shared(engine: Engine, storage: str) -> None:
    """UsageError if other machines can't reach a storage."""
    place = understand(storage)
    if engine.here:
        return
    if place.path:
        raise UsageError(
            f"{place} is a file, and the workers of {engine} are on other machines: give "
            "--storage postgresql://HOST/NAME, or mysql://HOST/NAME"
        )
    url = make_url(place.url) if place.url else None  # a proxy has none
    host, query = (url.host, url.query) if url else (place.host, {})
    if host in LOCAL and "host" not in query:
        raise UsageError(
            f"{place} is reached from this machine alone, and the workers of {engine} are on "
            "others: name its host as they know it"
        )


def run_elsewhere(work: Work, engine: Engine, progress: Listener) -> int | None:
    """Has the workers run the trials, until all are done, time or budget is spent or the user stops
    it; returns the number of the signal by which that was. No trial of theirs is open by then.

    VrtuneError if all workers were lost for good.
    """
    settings, study = work.request.settings, work.study
    remote = Remote(
        study=study.study_name,
        storage=settings.storage,
        jobs="auto" if settings.gpus and settings.jobs == "auto" else _share(settings).cpus,
        device=_device(settings),
        folder=os.getcwd(),
    )
    deadline = work.request.began + (settings.timeout or float("inf"))
    watch = Watch(study, work.request.task.parts, progress)
    workers = Workers(engine, remote, settings.workers or 1, progress)
    reclaimed, patience = time.monotonic(), PATIENCE_S
    with interrupts() as asked:
        try:
            workers.start()
            while not asked() and not reached(study):
                watch.look()
                workers.look(study)
                if time.monotonic() > deadline:
                    close(study)
                if time.monotonic() > reclaimed + RECLAIM_S:
                    reclaim(study)
                    reclaimed = time.monotonic()
                time.sleep(LOOK_S)
            if asked():
                progress(Noted(text=STOPPING))
        except KeyboardInterrupt:  # asked twice
            patience = URGED_S
            raise
        finally:
            engine.stop(patience)
            within(PUTTING_BACK_S, URGED_S, lambda: reclaim(study))
        watch.look()
        return asked.by


class Workers:
    """The workers of an engine, as long as the study needs them."""

    def __init__(self, engine: Engine, remote: Remote, count: int, progress: Listener) -> None:
        self.engine, self.remote, self.count, self.progress = engine, remote, count, progress
        self.failures: list[str] = []

    def start(self) -> None:
        """Starts all."""
        self.engine.start(self.remote, self.count)

    def look(self, study: optuna.Study) -> None:
        """Tells what has become of them. VrtuneError if all have failed.

        A lost one's trial may be known as such only when all others have gone: then one more is
        started.
        """
        standing = self.engine.look()
        self.failures += standing.failed
        for note in standing.notes:
            self.progress(Noted(text=note))
        if standing.working:
            for why in standing.failed:
                self.progress(
                    Noted(text=f"{why}; {standing.working} of {self.count} workers go on")
                )
        elif self.failures and not reached(study):
            raise VrtuneError(
                f"{self.failures[0]}; no worker is left: the same command goes on with the study"
            )
        elif (more := left(study)) > 0:
            self.engine.start(self.remote, min(more, self.count))


def _engine(settings: SearchSettings) -> Engine | None:
    """Ray and submitit are imported only where they are asked for."""
    if settings.ray is not None:
        from vrtune.engines.ray import RayCluster

        return RayCluster(settings.ray, _share(settings))
    if settings.slurm is not None:
        from vrtune.engines.slurm import SlurmJobs

        return SlurmJobs(settings.slurm, _share(settings), beside(settings.storage))
    return None


def _share(settings: SearchSettings) -> Share:
    """A core for each process of a worker, which has one a GPU."""
    jobs = settings.gpus if settings.jobs == "auto" else settings.jobs
    return Share(cpus=max(1, jobs), gpus=settings.gpus)


def _device(settings: SearchSettings) -> Device:
    if settings.gpus:
        return "cuda"
    return "cpu" if settings.device == "auto" else settings.device
