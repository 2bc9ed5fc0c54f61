"""The processes of a search, one thread each on a CPU, as their parent sees them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from queue import Empty, Queue
from typing import Any

from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event
from vrtune.jobs import Job, Tell, Tickets
from vrtune.lanes.workspace import choose_device, cores

PATIENCE_S = 60  # for a process to put its trials back before it is killed

ENVIRONMENT = {  # of a process
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    # glibc keeps the memory of a step for the next one: fresh pages cost more than what fills them
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 2**20),
}
Process = subprocess.Popen[str]


class Crew:
    """Starts processes at once: they import PyTorch while their parent reads the data. On leaving,
    those at work put their trials back and end."""

    def __init__(self, count: int) -> None:
        self.messages: Queue[tuple[int, dict[str, Any]]] = Queue()
        self.processes = [self._start(number) for number in range(count)]
        self.at_work = False

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all processes, and waits for them."""
        for process in self.processes:
            if not self.at_work:
                process.terminate()
            _close(process)
        for process in self.processes:
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def settle(self) -> None:
        """Waits until all have started: what is measured then is not disturbed by them."""
        for _ in self.processes:
            index, message = self.messages.get()
            if "ready" not in message:
                raise _ended(index, message["ended"])

    def run(
        self, job: Job, count: int, tickets: Tickets, stopping: Callable[[], bool], tell: Tell
    ) -> None:
        """Runs a job in `count` processes. Raises the first error that one of them met."""
        self.at_work = True
        try:
            self._run(job, count, tickets, stopping, tell)
        finally:
            self.close()

    def _run(
        self, job: Job, count: int, tickets: Tickets, stopping: Callable[[], bool], tell: Tell
    ) -> None:
        for number, process in enumerate(self.processes[:count]):
            _say(process, job.model_copy(update={"number": number}).model_dump_json())
        alive, failure, told = set(range(count)), None, False
        while alive:
            if (stopping() or failure) and not told:
                told = True
                for process in self.processes:
                    _close(process)
            try:
                index, message = self.messages.get(timeout=0.2)
            except Empty:
                continue
            if "ticket" in message:
                granted = not told and tickets.take()
                _say(self.processes[index], "1" if granted else "0")
            elif "event" in message:
                tell(Event(**{**message["event"], "worker": index}))
            elif "error" in message:
                kind = UsageError if message["exit_code"] == 2 else VrtuneError
                failure = failure or kind(message["error"])
            elif "ended" in message:
                alive.discard(index)
                _give_cores([self.processes[i] for i in alive], job)
                if message["ended"] != 0 and not failure:
                    failure = _ended(index, message["ended"])
        if failure:
            raise failure

    def _start(self, number: int) -> Process:
        """Starts a process and a thread that passes on what it says."""
        process = subprocess.Popen(
            [sys.executable, "-m", "vrtune.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a terminal's Ctrl-C is the parent's to hear
            env={
                **os.environ,
                **ENVIRONMENT,
                "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            },
        )

        def listen() -> None:
            assert process.stdout
            for line in process.stdout:
                try:
                    self.messages.put((number, json.loads(line)))
                except ValueError:  # not ours
                    sys.stderr.write(line)
            self.messages.put((number, {"ended": process.wait()}))

        threading.Thread(target=listen, daemon=True).start()
        return process


def _ended(index: int, status: int) -> VrtuneError:
    return VrtuneError(
        f"search process {index} ended with status {status}: "
        "what it wrote is above; its trials are queued again"
    )


def _give_cores(processes: list[Process], job: Job) -> None:
    """Lets those that are left share out their lanes among the cores of one that ended."""
    if processes and (share := cores(choose_device(job.device)) // len(processes)) > job.threads:
        for process in processes:
            _say(process, f"threads {share}")


def _say(process: Process, line: str) -> None:
    try:
        assert process.stdin
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
    except (BrokenPipeError, ValueError):
        pass  # it ended, or was told to


def _close(process: Process) -> None:
    """A process whose input ends puts its trials back and ends."""
    assert process.stdin
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
