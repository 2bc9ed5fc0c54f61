"""The processes of a search, one thread each on a CPU: this one, and others that it starts."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from queue import Empty, Queue
from typing import Any

from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event, Stopped
from vrtune.lanes.device import cores, one_thread
from vrtune.lanes.workspace import Workspace
from vrtune.searching.handover import handed_over
from vrtune.searching.job import Job, Quota, run_job

PATIENCE_S = 60  # for a process to put its trials back before it is killed
WAIT_S = 0.2  # for the others to say something, once this process has no more to do
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

Process = subprocess.Popen[str]
Progress = Callable[[Event], None]


class Processes:
    """Starts the others at once: they import PyTorch while this process reads the data. On leaving,
    those at work put their trials back and end."""

    def __init__(self, others: int) -> None:
        self.messages: Queue[tuple[int, dict[str, Any]]] = Queue()
        self.listeners: list[threading.Thread] = []
        self.others: dict[int, Process] = {}
        self.quota: Quota | None = None  # None until there is work
        self.at_work: set[int] = set()  # numbers of those that were given work
        self.alive: set[int] = set()  # of those that have not ended; this one's is 0
        self.cores = self.threads = 1  # of all; of each process that is alive
        self.writing = threading.Lock()
        self.failure: VrtuneError | None = None  # the first that one of the others met
        try:
            for number in range(1, others + 1):
                self.others[number] = self._start(number)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the others, and waits for them."""
        for number, process in self.others.items():
            if number not in self.at_work:
                process.terminate()
            assert process.stdin
            with self.writing, contextlib.suppress(BrokenPipeError):
                process.stdin.close()  # which tells it to put its trials back and end
        for process in self.others.values():
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for listener in self.listeners:
            listener.join(WAIT_S)  # longer only where what a space started holds the pipe

    def run(
        self,
        job: Job,
        workspace: Workspace,
        count: int,
        quota: Quota,
        stopping: Callable[[], bool],
        progress: Progress,
    ) -> None:
        """Runs a job in `count` processes, this one among them. `progress` is called in this one.

        Raises Stopped, or the first error that one of them met; by then all have ended.
        """
        self.quota, self.alive, self.threads = quota, set(range(count)), job.threads
        self.cores = cores(workspace.device)

        def stop() -> bool:
            if stopping():  # first: what the others say may never end
                return True
            self._hear(progress)
            return self.failure is not None

        stopped = False
        with one_thread(workspace.device), self._handing_over(job, workspace, count):
            try:
                run_job(
                    job,
                    workspace=workspace,
                    one_more=quota.take,
                    stopping=stop,
                    threads=lambda: self.threads,
                    progress=progress,
                )
                self._leave(0)
                while self.alive and not (stopped := stop()):
                    self._hear(progress, WAIT_S)
            except Stopped:
                stopped = True
            finally:
                self.close()
                self._hear(progress)
        if self.failure:
            raise self.failure
        if stopped:
            raise Stopped

    @contextlib.contextmanager
    def _handing_over(self, job: Job, workspace: Workspace, count: int) -> Iterator[None]:
        """Gives the others the job, and what this process has read for it."""
        if count == 1:
            yield
            return
        with handed_over(workspace) as path:
            self.at_work = set(range(1, count))
            for number in self.at_work:
                own = job.model_copy(update={"number": number, "handover": str(path)})
                self._say(number, own.model_dump_json())
            yield

    def _hear(self, progress: Progress, wait: float = 0) -> None:
        """Takes in what the others have said by now; waits so many seconds for the first word. Of
        the rounds of one only the last is passed on."""
        heard: list[tuple[int, dict[str, Any]]] = []
        with contextlib.suppress(Empty):
            heard.append(self.messages.get(wait > 0, wait))
            heard += [self.messages.get(False) for _ in range(self.messages.qsize())]
        last = {number: at for at, (number, said) in enumerate(heard) if _is_round(said)}
        for at, (number, said) in enumerate(heard):
            if "event" in said:
                if not _is_round(said) or last[number] == at:
                    progress(Event.read(said["event"], number))
            elif "error" in said:
                kind = UsageError if said["exit_code"] == 2 else VrtuneError
                self.failure = self.failure or kind(said["error"])
            elif number in self.alive:
                self._leave(number)
                if said["ended"] != 0:
                    self.failure = self.failure or _ended(number, said["ended"])

    def _leave(self, number: int) -> None:
        """One has no more to do: those that are left get its cores."""
        self.alive.discard(number)
        threads = self.cores // max(1, len(self.alive))
        if threads > self.threads:
            self.threads = threads
            for other in self.alive - {0}:
                self._say(other, f"threads {threads}")

    def _say(self, number: int, line: str) -> None:
        stdin = self.others[number].stdin
        assert stdin
        with self.writing, contextlib.suppress(BrokenPipeError, ValueError):  # it has ended
            stdin.write(f"{line}\n")
            stdin.flush()

    def _start(self, number: int) -> Process:
        """Starts a process, and a thread that answers it and passes on what it says."""
        process = subprocess.Popen(
            # -P: it imports what this process does, whatever lies in the working folder
            [sys.executable, "-P", "-m", "vrtune.searching.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # a terminal's Ctrl-C is the parent's to hear
            env={
                **os.environ,
                **ONE_THREAD,
                "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
            },
        )

        def listen() -> None:
            assert process.stdout
            with process.stdout as lines:
                for line in lines:
                    self._take_in(number, line)
            self.messages.put((number, {"ended": process.wait()}))

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        self.listeners.append(listener)
        return process

    def _take_in(self, number: int, line: str) -> None:
        """Answers a process that waits for it; what else it says is for this one's own thread."""
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):  # not ours
            sys.stderr.write(line)
        elif "one_more" in said:
            assert self.quota
            self._say(number, "1" if self.quota.take() else "0")
        else:
            self.messages.put((number, said))


def _is_round(said: dict[str, Any]) -> bool:
    return "event" in said and said["event"]["kind"] == "round"


def _ended(number: int, status: int) -> VrtuneError:
    return VrtuneError(
        f"search process {number} ended with status {status}: "
        "what it wrote is above; its trials are queued again"
    )
