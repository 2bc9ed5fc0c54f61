"""What one process of a search does: a job, fed with tickets."""

from __future__ import annotations

import ctypes
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch
from optuna.trial import TrialState

from vrtune import spaces
from vrtune.config import Settings, Task
from vrtune.events import Event
from vrtune.handover import take_over
from vrtune.lanes.keys import key
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace, choose_device
from vrtune.loop import SearchLoop
from vrtune.storage import open_storage
from vrtune.strategies import Validate, make_pruner, make_sampler, rungs
from vrtune.studies import load_study

Tell = Callable[[Event], None]
MEMORY_KEPT = {-3: 32 * 2**20, -1: 256 * 2**20}  # M_MMAP_THRESHOLD: of one piece; M_TRIM_THRESHOLD


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
    return json.dumps({"event": asdict(event)})


@contextmanager
def threads(device: torch.device) -> Iterator[None]:
    """One thread on a CPU: lanes fill the cores as processes do, and sums come out the same
    whatever the number of cores. What was set before is put back; memory is kept from then on."""
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
        keep_memory()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_memory() -> None:
    """Lets glibc keep the memory of a step for the next: fresh pages cost more than what fills
    them."""
    if sys.platform == "linux" and (allow := getattr(ctypes.CDLL(None), "mallopt", None)):
        for what, most in MEMORY_KEPT.items():
            allow(what, most)
