"""What one process of a search does: a job, for as long as it is granted another trial."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import optuna
import torch
from optuna.trial import TrialState

from vrtune import spaces
from vrtune.config import Settings, Task
from vrtune.events import Event, Finished
from vrtune.lanes.device import choose_device
from vrtune.lanes.keys import key
from vrtune.lanes.pool import Pool
from vrtune.lanes.shortage import NoMemory, one_error_of_memory
from vrtune.lanes.workspace import Workspace
from vrtune.searching.artifacts import Files
from vrtune.searching.handover import take_over
from vrtune.searching.loop import SearchLoop
from vrtune.searching.resuming import Resuming
from vrtune.searching.settings import Kept, Start, Validate
from vrtune.storages.opening import open_storage
from vrtune.storages.quiet import quiet
from vrtune.studies.goals import in_turn, left
from vrtune.studies.pace import Every
from vrtune.studies.pruners import make_pruner, rungs
from vrtune.studies.record import load_study
from vrtune.studies.samplers import make_sampler


class Job(Settings):
    """What one process of a search has to know."""

    task: Task
    space: str
    study: str
    search: str = ""  # the attribute of its entry; "": of none, and of no goal
    storage: str
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
    artifacts: Kept = "off"
    checkpoint: Every = "auto"
    handover: str | None = None  # file with data and folds, for all processes but the first
    threads: int = 1  # on which the lanes of a process train
    number: int = 0


class Quota:
    """How many more trials may start, in whatever thread and process they are asked for."""

    def __init__(self, count: int, expired: Callable[[], bool]) -> None:
        self.left, self.expired = count, expired
        self.open = Counter[int]()  # trials that were granted and have not ended, by process
        self.lock = threading.Lock()

    def take(self, process: int = 0) -> bool:
        """Grants a process another trial, or refuses it."""
        with self.lock:
            if self.left <= 0 or self.expired():
                return False
            self.left -= 1
            self.open[process] += 1
            return True

    def count(self, process: int, event: Event) -> None:
        """Takes note of trials that end."""
        if isinstance(event, Finished) and event.state != "put back":
            self.open[process] -= 1

    def give_back(self, process: int) -> None:
        """Grants others the trials that a process will not end."""
        with self.lock:
            self.left += max(0, self.open.pop(process, 0))

    def more(self) -> bool:
        """Whether another trial would be granted."""
        return self.left > 0 and not self.expired()


class StudyQuota(Quota):
    """As many as the study's goal allows: whoever asks for a trial looks at that by itself, in turn
    with all others. Those that are cut off do not count."""

    def __init__(self, study: optuna.Study, expired: Callable[[], bool]) -> None:
        super().__init__(sys.maxsize, expired)
        self.study = study

    def more(self) -> bool:
        """Whether another trial would be granted."""
        return super().more() and left(self.study) > 0


@quiet()
def run_job(
    job: Job,
    *,
    workspace: Workspace | None = None,
    one_more: Callable[[], bool],
    stopping: Callable[[], bool],
    expired: Callable[[], bool] = lambda: False,
    threads: Callable[[], int] | None = None,
    progress: Callable[[Event], None],
) -> None:
    """Runs a job in this process until `one_more` refuses it another trial. Stopped if `stopping`.
    Once time or budget is spent (`expired`), it is an error if a call hangs. The number of
    `threads` can change; it is the job's if not given.

    NoMemory if there is none even for one trial."""
    try:
        with one_error_of_memory():
            loop = _loop(
                job,
                workspace or _workspace(job),
                one_more,
                stopping,
                expired,
                threads or (lambda: job.threads),
                progress,
            )
            loop.run()
    except torch.OutOfMemoryError:
        raise NoMemory(
            "no memory is left for a process of the search: give fewer --jobs, or a smaller "
            "--batch-size"
        ) from None


def _loop(
    job: Job,
    workspace: Workspace,
    one_more: Callable[[], bool],
    stopping: Callable[[], bool],
    expired: Callable[[], bool],
    threads: Callable[[], int],
    progress: Callable[[Event], None],
) -> SearchLoop:
    task = job.task
    study = load_study(open_storage(job.storage, waits=True), job.study, job.storage)
    seed = key(task.seed, "sampler")  # for all processes: the trial's number tells points apart
    space = spaces.load(job.space, task.init, task.penalty, task.average)
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
        files=Files(job.artifacts, job.storage),
        resuming=Resuming(study, job.storage, workspace, job.checkpoint),
        one_more=(lambda: queued() and one_more()) if grid else one_more,
        alone=lambda: (
            in_turn(study, lambda: loop.ledger.closing) if job.search else nullcontext(True)
        ),
        search=job.search,
        stopping=stopping,
        expired=expired,
        threads=threads,
        progress=progress,
    )
    return loop


def _workspace(job: Job) -> Workspace:
    assert job.handover
    device = choose_device(job.device)
    return take_over(Path(job.handover), job.task, device, threads=job.threads)
