"""One process of a search: reads its job and its tickets as lines, answers in lines of JSON.

Standard input: the job, then "1" or "0" for every ticket asked for, and "threads N" when cores have
become free; its end means stop.
Standard output: {"ticket": 1}, {"event": ...} or {"error": ..., "exit_code": ...} a line.
"""

from __future__ import annotations

import gc

if __name__ == "__main__":
    gc.disable()  # until all is imported: that leaves no garbage, and looking takes half a second

import json
import os
import sys
import threading
from queue import Queue, SimpleQueue

import optuna
import torch

from vrtune.errors import VrtuneError
from vrtune.events import Stopped
from vrtune.lanes.device import one_thread
from vrtune.searching.job import Job, event_message, run_job


def main() -> int:
    """Runs the job that standard input names."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(
        sys.stderr.fileno(), sys.stdout.fileno()
    )  # what a space prints must not be read as ours
    sys.stdout = sys.stderr
    warm_up()
    gc.freeze()
    gc.enable()
    given = sys.stdin.readline()
    if not given:
        return 0
    job = Job.model_validate_json(given)
    answers: Queue[bool] = Queue()
    stop = threading.Event()
    share = job.threads

    def listen() -> None:
        nonlocal share
        for line in sys.stdin:
            if line.startswith("threads "):
                share = int(line.split()[1])
            else:
                answers.put(line.strip() == "1")
        stop.set()
        answers.put(False)

    threading.Thread(target=listen, daemon=True).start()

    said: SimpleQueue[str | None] = SimpleQueue()
    say = said.put

    def write() -> None:
        for line in iter(said.get, None):
            try:
                out.write(f"{line}\n")
            except OSError:  # the parent is gone: nobody will answer
                stop.set()
                answers.put(False)

    # a thread that writes has to wait for Python's lock afterwards, and lanes with it
    writer = threading.Thread(target=write, daemon=True)
    writer.start()

    def ticket() -> bool:
        if stop.is_set():  # nobody answers any more
            return False
        say('{"ticket": 1}')
        return answers.get()

    try:
        with one_thread(torch.device(job.device)):
            run_job(
                job,
                ticket=ticket,
                stopping=stop.is_set,
                threads=lambda: share,
                tell=lambda event: say(event_message(event)),
            )
    except Stopped:
        pass
    except VrtuneError as error:
        say(json.dumps({"error": str(error), "exit_code": error.exit_code}))
    finally:
        said.put(None)
        writer.join()
    return 0


def warm_up() -> None:
    """Imports what most jobs would import later, while the parent still prepares theirs."""
    import vrtune.gradients.cpu.samples_last  # noqa: F401

    optuna.storages.RDBStorage("sqlite://")


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()  # which is standard output, too
    os._exit(status)  # at once: taking PyTorch down takes a second, while a core is idle
