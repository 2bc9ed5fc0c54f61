"""What one process of a search does: a job, fed with tickets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from optuna.trial import TrialState

from vrtune import spaces
from vrtune.config import Settings, Task
from vrtune.events import Event
from vrtune.lanes.device import choose_device
from vrtune.lanes.keys import key
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace
from vrtune.searching.handover import take_over
from vrtune.searching.loop import SearchLoop
from vrtune.studies.pruners import make_pruner, rungs
from vrtune.studies.record import load_study
from vrtune.studies.samplers import make_sampler
from vrtune.studies.storage import open_storage

Validate = Literal["epochs", "rungs"]  # after each epoch; where the pruner decides, and at the end
Tell = Callable[[Event], None]


class Job(Settings):
    """What one process of a search has to know."""

    task: Task
    space: str
    study: str
    storage: str
    data_dir: str
    device: str
    fused: bool
    slots: int
    sampler: str
    pruner: str
    validate_at: Validate
    handover: str | None = None  # the file that holds the data and the folds; else they are read
    threads: int = 1  # that share the lanes of a process
    number: int = 0


class Tickets:
    """How many more trials may start, in whatever thread they are asked for."""

    def __init__(self, count: int, expired: Callable[[], bool]) -> None:
        self.left, self.expired = count, expired
        self.lock = threading.Lock()

    def take(self) -> bool:
        """True if another trial may start."""
        with self.lock:
            if self.left <= 0 or self.expired():
                return False
            self.left -= 1
            return True


def run_job(
    job: Job,
    *,
    workspace: Workspace | None = None,
    ticket: Callable[[], bool],
    stopping: Callable[[], bool],
    threads: Callable[[], int] | None = None,
    tell: Tell,
) -> None:
    """Runs a job in this process until it gets no more tickets. Stopped if `stopping`. `threads`
    that may share its lanes can change; they are the job's if not given."""
    task = job.task
    workspace = workspace or _workspace(job)
    study = load_study(open_storage(job.storage), job.study, job.storage)
    past = len(study.get_trials(deepcopy=False))
    # past: a continued study must not propose the first search's points again
    study.sampler = make_sampler(job.sampler, key(task.seed, "sampler", job.number, past))
    study.pruner = make_pruner(job.pruner, task.epochs)
    pool = Pool(workspace, workspace.folds, fused=job.fused)

    def queued() -> bool:
        return bool(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    decided_at = rungs(job.pruner, task.epochs)
    grid = job.sampler == "grid"  # whose points are all in the queue: nothing else is tried
    loop = SearchLoop(
        study,
        spaces.load(job.space, task.init),
        pool,
        slots=job.slots,
        judged_at=decided_at if job.validate_at == "rungs" else None,
        decided_at=decided_at,
        only_queued=grid,
        ticket=(lambda: queued() and ticket()) if grid else ticket,
        stopping=stopping,
        threads=threads or (lambda: job.threads),
        tell=tell,
    )
    loop.run()


def _workspace(job: Job) -> Workspace:
    device = choose_device(job.device)
    if job.handover:
        return take_over(Path(job.handover), job.task, device, threads=job.threads)
    return Workspace(job.task, Path(job.data_dir), device, threads=job.threads)


def event_message(event: Event) -> str:
    """One line for the parent."""
    return json.dumps({"event": event.message()})
