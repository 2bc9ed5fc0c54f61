"""The commands of a run: started, started again whenever they end too early, and ended."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

WORKER = "vrtune worker "  # in the command line of a process that a search has started
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass
class Commands:
    """The commands, run in a folder, with one file for all they say."""

    folder: Path
    words: Sequence[Sequence[str]]
    starts: int = 0
    gave_up: list[str] = field(default_factory=list)  # last words of those that ended by themselves
    stopped: set[int] = field(default_factory=set)  # ids of those that a fault has ended

    def __post_init__(self) -> None:
        self.popens: dict[int, subprocess.Popen[bytes]] = {}  # by place in `words`
        self.ended: dict[int, int] = {}  # the status with which each ended last, likewise

    def start(self, count: int | None = None) -> None:
        """Starts those that do not run, or of the first so many; what is done is left to others,
        as long as there are some."""
        for at, words in enumerate(self.words[:count]):
            done = self.ended.get(at) == 0 and self.popens
            if at not in self.popens and not done:
                with self.log(at).open("ab") as log:
                    self.popens[at] = subprocess.Popen(
                        words,
                        cwd=self.folder,
                        stdout=log,
                        stderr=log,
                        stdin=subprocess.DEVNULL,
                        env={**os.environ, **ONE_THREAD},
                        start_new_session=True,
                    )
                self.starts += 1

    def look(self) -> bool:
        """Takes note of those that have ended; whether any still runs."""
        for at, popen in [*self.popens.items()]:
            if (status := popen.poll()) is not None:
                self.ended[at] = status
                if status and popen.pid not in self.stopped:
                    self.gave_up.append(self.said(at))
                del self.popens[at]
        return bool(self.popens)

    def firsts(self) -> list[psutil.Process]:
        """The process of each command that runs."""
        return [psutil.Process(popen.pid) for popen in self.popens.values() if popen.poll() is None]

    def workers(self) -> list[psutil.Process]:
        """Those that they have started."""
        found = []
        for first in self.firsts():
            with contextlib.suppress(psutil.Error):
                found += [p for p in first.children(recursive=True) if WORKER in _line(p)]
        return found

    def signal(self, processes: Sequence[psutil.Process], number: int) -> None:
        """Sends a signal to processes; commands that it ends have not given up."""
        self.stopped |= {process.pid for process in processes}
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)

    def gone(self, processes: Sequence[psutil.Process], seconds: float) -> bool:
        """Whether processes have ended by then, which is waited for."""
        own = {popen.pid: popen for popen in self.popens.values()}  # to psutil their status is lost
        until = time.monotonic() + seconds
        with contextlib.suppress(subprocess.TimeoutExpired):
            for process in processes:
                if process.pid in own:
                    own[process.pid].wait(max(0.0, until - time.monotonic()))
        others = [process for process in processes if process.pid not in own]
        _, left = psutil.wait_procs(others, timeout=max(0.0, until - time.monotonic()))
        ended = (own[p.pid].poll() is not None for p in processes if p.pid in own)
        return not left and all(ended)

    def one(self, rng: random.Random) -> tuple[list[psutil.Process], list[psutil.Process]]:
        """A command's process at random, and those that it has started."""
        first = rng.choice(self.firsts())
        return [first], [p for p in self.workers() if p.ppid() == first.pid]

    def said(self, at: int) -> str:
        """The last line that a command said, without where this machine keeps it."""
        lines = self.log(at).read_text(errors="replace").strip().splitlines()
        return lines[-1].replace(str(self.folder), "FOLDER") if lines else ""

    def log(self, at: int) -> Path:
        """What a command says goes there."""
        return self.folder / f"said-{at}.txt"

    def end(self) -> None:
        """Ends all that still run."""
        processes = [*self.firsts(), *self.workers()]
        self.signal(processes, signal.SIGKILL)
        self.gone(processes, 10.0)
        self.popens = {}


def _line(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
