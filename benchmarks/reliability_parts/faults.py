"""What is done to a run: processes, databases, disks and files that fail."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from optuna.storages.journal import JournalFileSymlinkLock

from reliability_parts.places import Place
from reliability_parts.running import Commands

SMALL = 2**16  # bytes: storages and checkpoints are larger, what a search says is not
KILLED_S, ENDING_S = 10.0, 60.0  # for processes that were killed; that were asked to end
Cause = Callable[[Commands, Place, random.Random], str]  # returns what it did, in a word or two


@dataclass(frozen=True)
class Fault:
    """What is caused, at random times, and in which storages it can be."""

    name: str
    cause: Cause
    between: tuple[float, float] = (3.0, 5.0)  # seconds of training from one to the next
    storages: tuple[str, ...] = ("sqlite", "postgresql", "journal")
    times: int = 1000  # at most; as a rule until all is done
    small: bool = False  # whether it wants a small disk


# ---- processes -----------------------------------------------------------------------------------


def kill(run: Commands, place: Place, rng: random.Random) -> str:
    """SIGKILL: half of the time a worker; else a search's first process, or all that it is."""
    first, others = run.one(rng)
    kinds = ["a worker", "a worker", "the first process", "a whole search"]
    kind = rng.choice(kinds) if others else "the only process"  # also of `vrtune work`
    chosen = {
        "a worker": lambda: [rng.choice(others)],
        "the first process": lambda: first,
        "a whole search": lambda: first + others,
        "the only process": lambda: first,
    }[kind]()
    run.signal(chosen, signal.SIGKILL)
    run.gone(chosen, KILLED_S)
    return kind


def terminate(run: Commands, place: Place, rng: random.Random) -> str:
    """SIGTERM or Ctrl-C to a search, which puts its trials back and ends."""
    first, others = run.one(rng)
    number = rng.choice([signal.SIGTERM, signal.SIGINT])
    run.signal(first, number)
    if not run.gone([*first, *others], ENDING_S):
        raise TimeoutError(f"a search has not ended {ENDING_S:.0f} s after {number.name}")
    return number.name


def suspend(run: Commands, place: Place, rng: random.Random) -> str:
    """All processes stand still for some seconds, as on a machine that sleeps."""
    processes = [*run.firsts(), *run.workers()]
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        if number is signal.SIGSTOP:
            time.sleep(rng.uniform(5, 10))
    return "asleep"


# ---- storages ------------------------------------------------------------------------------------


def restart(run: Commands, place: Place, rng: random.Random) -> str:
    """The server crashes or is stopped, and is away for up to half a minute."""
    assert place.server
    how = rng.choice(["immediate", "fast"])
    place.server.stop(how)
    time.sleep(rng.choice([1, 5, 30]))
    place.server.start()
    return how


def cut(run: Commands, place: Place, rng: random.Random) -> str:
    """The server ends all connections."""
    assert place.server
    place.server.cut(place.database)
    return "cut"


def lock(run: Commands, place: Place, rng: random.Random) -> str:
    """Another program holds the file's lock, for longer than anybody waits once in three times."""
    if place.kind == "journal":
        other = JournalFileSymlinkLock(str(place.path))
        other.acquire()
        time.sleep(rng.uniform(5, 10))
        other.release()
        return "locked"
    connection = sqlite3.connect(place.path, timeout=60, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    time.sleep(seconds := rng.choice([5, 10, 70]))
    connection.execute("ROLLBACK")
    connection.close()
    return f"{seconds} s"


def fill(run: Commands, place: Place, rng: random.Random) -> str:
    """No file of the searches can grow for some seconds: each process meets its limit (EFBIG)."""
    processes = [*run.firsts(), *run.workers()]
    for size in (SMALL, psutil.RLIM_INFINITY):
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))
        if size == SMALL:
            time.sleep(rng.uniform(3, 6))
    return "file size"


def fill_disk(run: Commands, place: Place, rng: random.Random) -> str:
    """The disk with storage and checkpoints is full for some seconds (ENOSPC)."""
    filler = place.folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    time.sleep(rng.uniform(3, 6))
    filler.unlink()
    return "full"


# ---- checkpoints ---------------------------------------------------------------------------------


def damage(run: Commands, place: Place, rng: random.Random) -> str:
    """A whole search is killed, and then each of its checkpoints is spoiled in some way."""
    processes = [*run.firsts(), *run.workers()]
    run.signal(processes, signal.SIGKILL)
    run.gone(processes, KILLED_S)
    files = checkpoints(place.folder)
    if not files:
        return "none there"
    kind = rng.choice(["truncated", "a byte", "empty", "another's", "text", "gone"])
    others = [path.read_bytes() for path in files]
    for path, other in zip(files, others[1:] + others[:1], strict=True):
        spoil(path, kind, other, rng)
    return kind


def spoil(path: Path, kind: str, other: bytes, rng: random.Random) -> None:
    """Damages a file; `other`: the contents of another one like it."""
    data = bytearray(path.read_bytes())
    if kind == "gone":
        path.unlink()
        return
    if len(data) < 2:  # it was emptied before, and not written since
        return
    if kind == "a byte":
        data[rng.randrange(len(data) // 2, len(data))] ^= 1 << rng.randrange(8)
    made: dict[str, bytes | bytearray] = {
        "truncated": data[: rng.randrange(1, len(data))],
        "a byte": data,
        "empty": b"",
        "another's": other,
        "text": b"not a checkpoint\n",
    }
    path.write_bytes(made[kind])


def checkpoints(folder: Path) -> list[Path]:
    """The files of trials under way."""
    return sorted((folder / "studies" / "checkpoints").rglob("*.safetensors"))


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int = 16) -> Iterator[None]:
    """A file system of its own in a folder. PermissionError for those who may mount none."""
    folder.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(words, capture_output=True).returncode:
        raise PermissionError("a small disk can't be mounted")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("a process killed", kill),
        Fault("a search asked to end", terminate, times=8),
        Fault("a machine asleep", suspend, times=3, storages=("sqlite",)),
        Fault("its server restarted", restart, storages=("postgresql",), times=6),
        Fault("connections cut", cut, (1.0, 2.0), storages=("postgresql",), times=30),
        Fault("its file locked", lock, storages=("sqlite", "journal"), times=4),
        Fault("files that can't grow", fill, storages=("sqlite", "journal"), times=6),
        Fault(
            "a disk that is full", fill_disk, storages=("sqlite", "journal"), times=6, small=True
        ),
        Fault("checkpoints spoiled", damage, storages=("sqlite",), times=12),
    )
}
