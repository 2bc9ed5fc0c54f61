"""What one process of a search does: a job, for as long as it is granted another trial."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

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
from vrtune.searching.settings import Start, Validate
from vrtune.studies.pruners import make_pruner, rungs
from vrtune.studies.quiet import quiet
from vrtune.studies.record import load_study
from vrtune.studies.samplers import make_sampler
from vrtune.studies.storage import open_storage


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
    together: int = 0  # trials that start at once in a fresh study, in all processes
    processes: int = 1
    most: int | None = None  # lanes that are computed at once; None: all
    sampler: str
    start: Start = "on"
    pruner: str
    validate_at: Validate
    handover: str | None = None  # the file that holds the data and the folds; else they are read
    threads: int = 1  # on which the lanes of a process train
    number: int = 0


class Quota:
    """How many more trials may start, in whatever thread they are asked for."""

    def __init__(self, count: int, expired: Callable[[], bool]) -> None:
        self.left, self.expired = count, expired
        self.lock = threading.Lock()

    def take(self) -> bool:
        """Grants another trial, or refuses it."""
        with self.lock:
            if self.left <= 0 or self.expired():
                return False
            self.left -= 1
            return True


@quiet()
def run_job(
    job: Job,
    *,
    workspace: Workspace | None = None,
    one_more: Callable[[], bool],
    stopping: Callable[[], bool],
    threads: Callable[[], int] | None = None,
    progress: Callable[[Event], None],
) -> None:
    """Runs a job in this process until `one_more` refuses it another trial. Stopped if `stopping`.
    The number of `threads` can change; it is the job's if not given."""
    task = job.task
    workspace = workspace or _workspace(job)
    study = load_study(open_storage(job.storage), job.study, job.storage)
    past = len(study.get_trials(deepcopy=False))
    # past: a continued study must not propose the first search's points again
    seed = key(task.seed, "sampler", *[] if job.sampler == "auto" else [job.number, past])
    space = spaces.load(job.space, task.init)
    start = job.start == "on" and job.sampler == "auto"
    known = (space.default(), space.starts()) if start else (None, None)
    study.sampler = make_sampler(job.sampler, seed, *known)
    study.pruner = make_pruner(job.pruner, task.epochs)
    pool = Pool(workspace, workspace.folds, fused=job.fused, most=job.most)

    def queued() -> bool:
        return bool(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    decided_at = rungs(job.pruner, task.epochs)
    grid = job.sampler == "grid"  # whose points are all in the queue: nothing else is tried
    loop = SearchLoop(
        study,
        space,
        pool,
        slots=job.slots,
        together=job.together // job.processes + (job.number < job.together % job.processes),
        judged_at=decided_at if job.validate_at == "rungs" else None,
        decided_at=decided_at,
        only_queued=grid,
        one_more=(lambda: queued() and one_more()) if grid else one_more,
        stopping=stopping,
        threads=threads or (lambda: job.threads),
        progress=progress,
    )
    loop.run()


def _workspace(job: Job) -> Workspace:
    device = choose_device(job.device)
    if job.handover:
        return take_over(Path(job.handover), job.task, device, threads=job.threads)
    return Workspace(job.task, Path(job.data_dir), device, threads=job.threads)
