"""One process of a search: reads its job and what it is granted as lines, answers in lines of JSON.

Standard input: the job, then "1" or "0" whenever it asked for one more trial, "threads N" when
cores have become free, and "over" when time or budget is spent; its end means stop.
Standard output: {"one_more": true}, {"event": ...}, {"error": ..., "exit_code": ...} or {"short":
...} where memory ran out, and at last {"done": true} a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from queue import Queue
from typing import IO

import optuna
import torch

from vrtune.errors import VrtuneError
from vrtune.events import Stopped
from vrtune.lanes.device import one_thread
from vrtune.lanes.shortage import NoMemory
from vrtune.searching.interrupts import interrupts
from vrtune.searching.job import Job, run_job
from vrtune.storages.faults import faults
from vrtune.storages.patience import patient

LOOK_S = 1.0  # between two looks at whether the parent lives


def run(parent: int) -> None:
    """Runs the job that standard input names, and ends this process; also once its parent, which
    the system knows by that number, is gone."""
    heard, out = _lines()
    status = 0
    with interrupts() as asked:
        try:
            _warm_up()
            while os.getppid() == parent and not select.select([heard], [], [], LOOK_S)[0]:
                pass
            given = heard.readline() if os.getppid() == parent else ""
            if given:
                Worker(Job.model_validate(json.loads(given)), heard, out, parent).run(asked)
        except KeyboardInterrupt:  # asked twice
            pass
        except BaseException:
            traceback.print_exc()
            status = 1
    sys.stderr.flush()  # which is standard output, too
    if asked.by is not None:  # the parent is to know that it was not the one who asked
        signal.signal(asked.by, signal.SIG_DFL)
        signal.raise_signal(asked.by)
    os._exit(status)  # at once: taking PyTorch down takes a second, while a core is idle


class Worker:
    """Does a job, for as long as its parent grants it another trial."""

    def __init__(self, job: Job, heard: IO[str], out: IO[str], parent: int) -> None:
        self.job, self.heard, self.out, self.parent = job, heard, out, parent
        self.answers: Queue[bool] = Queue()
        self.stop, self.over = threading.Event(), threading.Event()
        self.threads = job.threads
        self.speaking = threading.Lock()  # the loop and its ledger both do

    def run(self, asked: Callable[[], bool]) -> None:
        """Runs the job, until somebody has `asked` this process to end."""
        for work in (self._listen, self._watch):
            threading.Thread(target=work, daemon=True).start()
        try:
            with (
                faults(self.job.storage),
                patient(lambda event: self._say(event=event.message())),
                one_thread(torch.device(self.job.device)),
            ):
                run_job(
                    self.job,
                    one_more=self._one_more,
                    stopping=lambda: self.stop.is_set() or asked(),
                    expired=self.over.is_set,
                    threads=lambda: self.threads,
                    progress=lambda event: self._say(event=event.message()),
                )
        except Stopped:
            pass
        except NoMemory as error:
            self._say(short=str(error))
        except VrtuneError as error:
            self._say(error=str(error), exit_code=error.exit_code)
        if not asked():
            self._say(done=True)

    def _listen(self) -> None:
        for line in self.heard:
            word = line.strip()
            if word.startswith("threads "):
                self.threads = int(word.split()[1])
            elif word == "over":
                self.over.set()
            else:
                self.answers.put(word == "1")
        self._end()

    def _watch(self) -> None:
        """Ends with the parent even where what that has forked keeps standard input open."""
        while os.getppid() == self.parent:
            if self.stop.wait(LOOK_S):
                return
        self._end()

    def _end(self) -> None:
        self.stop.set()
        self.answers.put(False)

    def _say(self, **message: object) -> None:
        # a parent that is gone hears nothing; standard input has ended then, too
        with self.speaking, contextlib.suppress(OSError):
            self.out.write(f"{json.dumps(message)}\n")

    def _one_more(self) -> bool:
        if self.stop.is_set():  # nobody answers any more
            return False
        self._say(one_more=True)
        return self.answers.get()


def _lines() -> tuple[IO[str], IO[str]]:
    """Standard input and output, out of reach of a space and what it starts: it reads nothing, and
    writes to standard error."""
    heard = os.fdopen(os.dup(0), encoding="utf-8")
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return heard, out


def _warm_up() -> None:
    """Imports what most jobs would import later, while the parent still prepares theirs."""
    if not torch.cuda.is_available():
        import vrtune.gradients.cpu.samples_last  # noqa: F401

    optuna.storages.RDBStorage("sqlite://")
