"""The processes of a search: one job each, one thread each on a CPU, fed with tickets."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import torch
from optuna.trial import TrialState

from vrtune import spaces
from vrtune.config import Settings, Task
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event
from vrtune.lanes.keys import key
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace, choose_device, cores
from vrtune.loop import SearchLoop
from vrtune.storage import open_storage
from vrtune.strategies import make_pruner, make_sampler
from vrtune.studies import load_study

PATIENCE_S = 60  # for a job to put its trials back before it is killed

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
    threads: int = 1  # that share the lanes of a process
    number: int = 0


class Tickets:
    """How many more trials may start. A stop takes all that are left."""

    def __init__(self, count: int, expired: Callable[[], bool]) -> None:
        self.left, self.expired = count, expired

    def take(self) -> bool:
        """True if another trial may start."""
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
    workspace = workspace or Workspace(
        task, Path(job.data_dir), choose_device(job.device), threads=job.threads
    )
    study = load_study(open_storage(job.storage), job.study, job.storage)
    past = len(study.get_trials(deepcopy=False))
    # past: a continued study must not propose the first search's points again
    study.sampler = make_sampler(job.sampler, key(task.seed, "sampler", job.number, past))
    study.pruner = make_pruner(job.pruner, task.epochs)
    pool = Pool(workspace, workspace.folds(), fused=job.fused)

    def queued() -> bool:
        return bool(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))

    grid = job.sampler == "grid"  # whose points are all in the queue: nothing else is tried
    loop = SearchLoop(
        study,
        spaces.load(job.space, task.init),
        pool,
        slots=job.slots,
        ticket=(lambda: queued() and ticket()) if grid else ticket,
        stopping=stopping,
        threads=threads or (lambda: job.threads),
        tell=tell,
    )
    loop.run()


def run_jobs(
    job: Job, count: int, tickets: Tickets, stopping: Callable[[], bool], tell: Tell
) -> None:
    """Runs a job in `count` processes. Raises the first error that one of them met."""
    messages: Queue[tuple[int, dict[str, Any]]] = Queue()
    processes = [
        _start(job.model_copy(update={"number": number}), messages) for number in range(count)
    ]
    alive, failure, told = set(range(count)), None, False
    try:
        while alive:
            if (stopping() or failure) and not told:
                told = True
                for process in processes:
                    _close(process)
            try:
                index, message = messages.get(timeout=0.2)
            except Empty:
                continue
            if "ticket" in message:
                _say(processes[index], "1" if not told and tickets.take() else "0")
            elif "event" in message:
                tell(Event(**{**message["event"], "worker": index}))
            elif "error" in message:
                kind = UsageError if message["exit_code"] == 2 else VrtuneError
                failure = failure or kind(message["error"])
            elif "ended" in message:
                alive.discard(index)
                _give_cores([processes[i] for i in alive], job)
                if message["ended"] != 0 and not failure:
                    failure = VrtuneError(
                        f"search process {index} ended with status {message['ended']}: "
                        "what it wrote is above; its trials are queued again"
                    )
    finally:
        for process in processes:
            _close(process)
        for process in processes:
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    if failure:
        raise failure


def _start(job: Job, messages: Queue[tuple[int, dict[str, Any]]]) -> subprocess.Popen[str]:
    """Starts a process and a thread that passes on what it says."""
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "vrtune.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a terminal's Ctrl-C is the parent's to hear
        env={**os.environ, **one_thread, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert process.stdin
    process.stdin.write(job.model_dump_json() + "\n")
    process.stdin.flush()

    def listen() -> None:
        assert process.stdout
        for line in process.stdout:
            try:
                messages.put((job.number, json.loads(line)))
            except ValueError:  # not ours
                sys.stderr.write(line)
        messages.put((job.number, {"ended": process.wait()}))

    threading.Thread(target=listen, daemon=True).start()
    return process


def _give_cores(processes: list[subprocess.Popen[str]], job: Job) -> None:
    """Lets those that are left share out their lanes among the cores of one that ended."""
    if processes and (share := cores(choose_device(job.device)) // len(processes)) > job.threads:
        for process in processes:
            _say(process, f"threads {share}")


def _say(process: subprocess.Popen[str], line: str) -> None:
    try:
        assert process.stdin
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
    except (BrokenPipeError, ValueError):
        pass  # it ended, or was told to


def _close(process: subprocess.Popen[str]) -> None:
    """A job whose input ends puts its trials back and ends."""
    assert process.stdin
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def event_message(event: Event) -> str:
    """One line for the parent."""
    return json.dumps({"event": asdict(event)})


@contextmanager
def threads(device: torch.device) -> Iterator[None]:
    """One thread on a CPU: lanes fill the cores as processes do, and sums come out the same
    whatever the number of cores. What was set before is put back."""
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
