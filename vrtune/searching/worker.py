"""One process of a search: reads its job and what it is granted as lines, answers in lines of JSON.

Standard input: the job, then "1" or "0" whenever it asked for one more trial, and "threads N" when
cores have become free; its end means stop.
Standard output: {"one_more": true}, {"event": ...} or {"error": ..., "exit_code": ...} a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from queue import Queue

import optuna
import torch

from vrtune.errors import VrtuneError
from vrtune.events import Stopped
from vrtune.lanes.device import one_thread
from vrtune.searching.job import Job, run_job


def main() -> int:
    """Runs the job that standard input names."""
    heard = os.fdopen(os.dup(sys.stdin.fileno()), encoding="utf-8")
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1, encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a space prints is not ours
    sys.stdout = sys.stderr
    warm_up()
    given = heard.readline()
    if not given:
        return 0
    job = Job.model_validate_json(given)
    answers: Queue[bool] = Queue()
    stop = threading.Event()
    threads = job.threads

    def listen() -> None:
        nonlocal threads
        for line in heard:
            if line.startswith("threads "):
                threads = int(line.split()[1])
            else:
                answers.put(line.strip() == "1")
        stop.set()
        answers.put(False)

    threading.Thread(target=listen, daemon=True).start()
    speaking = threading.Lock()  # the loop and its ledger both do

    def say(**message: object) -> None:
        # a parent that is gone hears nothing; standard input has ended then, too
        with speaking, contextlib.suppress(OSError):
            out.write(f"{json.dumps(message)}\n")

    def one_more() -> bool:
        if stop.is_set():  # nobody answers any more
            return False
        say(one_more=True)
        return answers.get()

    try:
        with one_thread(torch.device(job.device)):
            run_job(
                job,
                one_more=one_more,
                stopping=stop.is_set,
                threads=lambda: threads,
                progress=lambda event: say(event=event.message()),
            )
    except Stopped:
        pass
    except VrtuneError as error:
        say(error=str(error), exit_code=error.exit_code)
    return 0


def warm_up() -> None:
    """Imports what most jobs would import later, while the parent still prepares theirs."""
    if not torch.cuda.is_available():
        import vrtune.gradients.cpu.samples_last  # noqa: F401

    optuna.storages.RDBStorage("sqlite://")


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()  # which is standard output, too
    os._exit(status)  # at once: taking PyTorch down takes a second, while a core is idle
