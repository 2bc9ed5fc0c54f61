"""The processes of a search, one thread each on a CPU: this one, and others that it starts."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from queue import Empty, Queue

from vrtune.display.progress import Listener
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event, Noted, Stopped
from vrtune.lanes.device import cores, one_thread
from vrtune.lanes.shortage import NoMemory
from vrtune.lanes.workspace import Workspace
from vrtune.searching.handover import Handover
from vrtune.searching.interrupts import unwinding
from vrtune.searching.job import Quota, run_job
from vrtune.searching.plan import Work
from vrtune.searching.process import Message, Process, latest
from vrtune.searching.replacing import Replacing, how_ended
from vrtune.studies.crashes import clear_up

# for a process to put its trials back before it is killed; where the user asks twice
PATIENCE_S, URGED_S = 60.0, 2.0
WAIT_S = 0.2  # for the others to say something, once this process has no more to do


class Processes:
    """Starts the others at once: they import PyTorch while this process reads the data. On leaving,
    those at work put their trials back and end."""

    def __init__(self, others: int) -> None:
        self.messages: Queue[tuple[int, Message]] = Queue()
        self.others: dict[int, Process] = {}
        self.signals = contextlib.ExitStack()
        self.quota = Quota(0, lambda: False)  # until there is work
        self.work: Work | None = None
        self.replacing = Replacing()
        # numbers of those that were given work; have not ended, this one's is 0; said so before;
        # and what the system knew all by that were ever started
        self.at_work, self.alive, self.done, self.pids = (set[int]() for _ in range(4))
        self.over = self.closed = self.lost = False  # `lost`: one ended before its time
        self.cores = self.threads = 1  # of all; of each process that is alive
        self.failure: VrtuneError | None = None  # the first that one of the others met
        self.handover = Handover() if others else None  # what this process will have read
        try:
            for number in range(1, others + 1):
                self.others[number] = self._start(number)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Processes:
        self.signals.enter_context(unwinding())
        return self

    def __exit__(self, *_: object) -> None:
        with self.signals:
            self.close()

    def close(self, patience: float = PATIENCE_S) -> None:
        """Ends the others, and waits for them; KeyboardInterrupt ends the waiting."""
        self.closed, until = True, time.monotonic() + patience
        try:
            for number, process in self.others.items():
                if number not in self.at_work:
                    process.terminate()
                process.stop()
            for process in self.others.values():
                process.ended(until)
        finally:
            for process in self.others.values():
                process.kill()
            if self.handover:
                self.handover.close()

    def hand_over(self, workspace: Workspace) -> None:
        """Writes down for the others what this process has read. VrtuneError if it can't be."""
        if self.handover:
            self.handover.fill(workspace)

    def run(
        self, work: Work, quota: Quota, stopping: Callable[[], bool], progress: Listener
    ) -> None:
        """Does the work in as many processes as it says, this one among them. `progress` is called
        in this one. Another takes the place of one that is killed; those that are killed again and
        again, or lack memory, are done without.

        Raises Stopped, or the first error that one of them met; by then all have ended.
        """
        self.work, self.quota, self.threads = work, quota, work.job.threads
        self.alive, self.cores = set(range(work.processes)), cores(work.request.device)

        def stop() -> bool:
            if stopping():  # first: what the others say may never end
                for number in self.at_work:
                    self.others[number].stop()
                return True
            if not self.over and quota.expired():
                self.over = True
                for number in self.alive - {0}:
                    self.others[number].say("over")
            self._hear(progress)
            return self.failure is not None

        try:
            with one_thread(work.request.device):
                self.at_work = set(range(1, work.processes))
                for number in self.at_work:
                    self._put_to_work(number)
                self._take_part(work, stop, progress)
        except Stopped:
            pass
        except BaseException as error:
            self.close(URGED_S if isinstance(error, KeyboardInterrupt) else PATIENCE_S)
            with contextlib.suppress(Exception):  # what failed may be whoever listens
                self._hear(progress)
            raise
        self.close()
        self._hear(progress)
        if self.failure:
            raise self.failure
        if stopping():
            raise Stopped

    def _put_to_work(self, number: int, **given: object) -> None:
        assert self.work
        job = self.work.job_of(number, handover=str(self.handover and self.handover.path), **given)
        self.others[number].say(json.dumps(job.model_dump()))

    def _take_part(self, work: Work, stop: Callable[[], bool], progress: Listener) -> None:
        """Does this process's share, and what the others leave; until all have ended."""
        job, quota = work.job, self.quota
        while 0 in self.alive:
            self.lost = False
            try:
                run_job(
                    job,
                    workspace=work.workspace,
                    one_more=quota.take,
                    stopping=stop,
                    expired=quota.expired,
                    threads=lambda: self.threads,
                    progress=lambda event: progress(self._counted(0, event)),
                )
                self._leave(0)
            except NoMemory as error:
                if self.alive == {0}:
                    raise
                self._lose(0, str(error), progress)
                while self.alive and not stop():  # then the others' memory is free
                    self._hear(progress, WAIT_S)
            while self.alive and not (self.lost and quota.more()) and not stop():
                self._hear(progress, WAIT_S)
            if self.lost and quota.more() and not stop():
                self.replacing.begin(0)
                self.alive.add(0)
                job = job.model_copy(update={"together": 0})

    # ---- what the others say -------------------------------------------------------------------

    def _hear(self, progress: Listener, wait: float = 0) -> None:
        """Takes in what the others have said by now; waits so many seconds for the first word."""
        heard: list[tuple[int, Message]] = []
        with contextlib.suppress(Empty):
            heard.append(self.messages.get(wait > 0, wait))
            heard += [self.messages.get(False) for _ in range(self.messages.qsize())]
        for number, said in latest(heard):
            if "event" in said:
                progress(self._counted(number, Event.read(said["event"], number)))
            elif "error" in said:
                kind = UsageError if said["exit_code"] == 2 else VrtuneError
                self.failure = self.failure or kind(said["error"])
            elif number in self.alive and "short" in said:
                self._lose(number, said["short"], progress)
            elif number in self.alive and "ended" in said:
                self._end(number, said["ended"], said["starved"], progress)

    def _counted(self, number: int, event: Event) -> Event:
        self.quota.count(number, event)
        return self.replacing.counted(number, event)

    def _end(self, number: int, status: int, starved: bool | None, progress: Listener) -> None:
        """A process is gone: it had no more to do, or was killed, or failed."""
        if number in self.done or self.closed:
            self._leave(number)
        elif status <= 0:
            how = how_ended(number, status, starved)
            may = status < 0 and self.replacing.may(number, starved=bool(starved))
            if not (may and self._replace(number, how, progress)):
                self._lose(number, how, progress)
        else:
            self._leave(number)
            self.failure = self.failure or VrtuneError(
                f"search process {number} ended with status {status}: "
                "what it wrote is above; its trials are queued again"
            )

    def _replace(self, number: int, how: str, progress: Listener) -> bool:
        """Starts another process in place of one; False if there is no use or no room for it."""
        self.quota.give_back(number)
        if 0 not in self.alive or not self.quota.more():  # else this one goes on alone, at once
            return False
        try:
            self.others[number] = self._start(number)
        except VrtuneError:
            return False
        self.replacing.begin(number)
        self._put_to_work(number, threads=self.threads, together=0)
        progress(Noted(text=f"{how}: another takes its place, and its trials are continued"))
        return True

    def _lose(self, number: int, why: str, progress: Listener) -> None:
        """A process ends before its time: its trials are granted to others."""
        self._leave(number)
        self.lost = True
        self.quota.give_back(number)
        goes = "1 process goes on" if len(self.alive) < 2 else f"{len(self.alive)} processes go on"
        progress(Noted(text=f"{why}: its trials are queued again, and {goes}"))

    def _leave(self, number: int) -> None:
        """One has no more to do: those that are left get its cores."""
        self.alive.discard(number)
        threads = self.cores // max(1, len(self.alive))
        if threads > self.threads:
            self.threads = threads
            for other in self.alive - {0}:
                self.others[other].say(f"threads {threads}")

    def _start(self, number: int) -> Process:
        inherited = [self.handover.descriptor] if self.handover else []
        self.pids.add((process := Process(number, self._take_in, inherited)).pid)
        return process

    def _take_in(self, number: int, said: Message) -> None:
        """Answers a process that waits for it, and puts back what one has left, while this one
        trains on; what else it says is for this one's own thread."""
        if "one_more" in said:
            self.others[number].say("1" if self.quota.take(number) else "0")
            return
        if "done" in said:
            self.done.add(number)
        if "ended" in said and self.work and not self.closed and number not in self.done:
            with contextlib.suppress(Exception):  # those that go on look for such trials, too
                search, pid = self.work.job.search, self.others[number].pid
                if end := clear_up(self.work.study, search, pid, -said["ended"]):
                    self.messages.put((number, {"event": end.message()}))
        self.messages.put((number, said))
