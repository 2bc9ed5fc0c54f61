"""Another process of a search, as the one that started it sees it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from vrtune import machine
from vrtune.errors import VrtuneError
from vrtune.searching import bootstrap

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
LAST_WORDS_S = 1.0  # for reading them, where what a space started holds the pipe
KILLED_S = 10.0  # for a process to be gone after that
LATEST = ("round", "step")  # kinds of events of which only the last of a process counts

Message = dict[str, Any]


class Process:
    """Starts at once; what it says is heard on a thread."""

    def __init__(
        self, number: int, hear: Callable[[int, Message], None], inherited: Sequence[int] = ()
    ) -> None:
        """`hear` is given its messages, and {"ended": status, "starved": ...} at last: whether it
        was killed as memory ran out, None where that is not known. It inherits open files, by
        their descriptors."""
        self.number, self.hear = number, hear
        self.writing = threading.Lock()
        self.starved = machine.killed_for_memory() or 0  # processes before this one
        try:
            self.popen = _start(number, inherited)
            self.say(json.dumps(bootstrap.imports()))
            self.reader = _thread(self._read)
            _thread(self._wait)
        except (OSError, RuntimeError) as error:  # the system has no room for another one
            raise VrtuneError(
                f"search process {number} can't be started ({error}): give fewer --jobs"
            ) from None

    @property
    def pid(self) -> int:
        """What the system knows it by."""
        return self.popen.pid

    def say(self, line: str) -> None:
        """Sends it a line, if it still listens."""
        assert self.popen.stdin
        with self.writing, contextlib.suppress(OSError, ValueError):
            self.popen.stdin.write(f"{line}\n")
            self.popen.stdin.flush()

    def stop(self) -> None:
        """Has it put its trials back and end."""
        assert self.popen.stdin
        with self.writing, contextlib.suppress(OSError):
            self.popen.stdin.close()

    def terminate(self) -> None:
        """Ends one that holds no trial."""
        self.popen.terminate()

    def kill(self) -> None:
        """Ends it as the system does."""
        self.popen.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(KILLED_S)

    def ended(self, until: float) -> bool:
        """Whether it has ended by then, which is waited for."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(max(0.0, until - time.monotonic()))
        return self.popen.poll() is not None

    # ---- on threads ----------------------------------------------------------------------------

    def _read(self) -> None:
        assert self.popen.stdout
        with self.popen.stdout as lines:
            for line in lines:
                message = _read(line)
                if message is not None:
                    self.hear(self.number, message)
                elif sys.stderr is not None:  # not ours
                    with contextlib.suppress(OSError, ValueError):
                        sys.stderr.write(line)

    def _wait(self) -> None:
        status = self.popen.wait()
        self.reader.join(LAST_WORDS_S)
        self.stop()  # nobody reads what it would be told
        starved = self._starved() if status == -signal.SIGKILL else False
        self.hear(self.number, {"ended": status, "starved": starved})

    def _starved(self) -> bool | None:
        now = machine.killed_for_memory()
        return None if now is None else now > self.starved


def _start(number: int, inherited: Sequence[int]) -> subprocess.Popen[str]:
    """Imports what this process does, whatever lies in the working folder (-P), under the same
    options. The last argument is for those who look at the processes of a machine."""
    options = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return subprocess.Popen(
        [sys.executable, *options, "-P", bootstrap.__file__, f"vrtune worker {number}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if sys.__stderr__ is not None else subprocess.DEVNULL,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # a terminal's Ctrl-C is the parent's to hear
        env={**os.environ, **ONE_THREAD},
        pass_fds=inherited,
    )


def _thread(target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def _read(line: str) -> Message | None:
    """What a line of ours says; None for another."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def latest(heard: Sequence[tuple[int, Message]]) -> list[tuple[int, Message]]:
    """What was heard, by number of a process, without what it has said anew since."""
    last = {(number, _kind(said)): at for at, (number, said) in enumerate(heard)}
    return [
        (number, said)
        for at, (number, said) in enumerate(heard)
        if (kind := _kind(said)) not in LATEST or last[number, kind] == at
    ]


def _kind(said: Message) -> str:
    return str(said["event"]["kind"]) if "event" in said else ""
