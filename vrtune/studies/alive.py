"""Who is alive: processes by name here, and signs of life of those that can't be seen from here.

A process id means something within one boot of one machine and one pid namespace. No wall clocks
are compared: they are set, and those of two machines differ.
"""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import time
from collections.abc import Hashable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

import psutil

from vrtune.studies.outcome import is_number

ZOMBIE = -1.0
_seen: dict[Hashable, tuple[object, float, bool]] = {}  # a thing's sign, since when, not the first


def identity(pid: int | None = None) -> dict[str, Any]:
    """Names a process of this machine, by default this one, so that others can tell whether it
    still lives. `started` counts the clock ticks from the boot to its start."""
    started = _started("self" if pid is None and _linux() else pid or os.getpid())
    return {"host": _host(), "pid": pid or os.getpid(), "started": started, **_scope()}


def is_identity(given: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether something that a study holds names a process."""
    if not isinstance(given, Mapping) or not isinstance(given.get("host"), str):
        return False
    numbers = [given.get("pid"), given.get("started")]
    return all(map(is_number, numbers)) and given["pid"] > 0


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two names are of one process. Older versions gave its start in seconds since 1970,
    which move with the clock."""
    if any(one.get(name) != other.get(name) for name in ("host", "pid", "boot", "namespace")):
        return False
    return bool(abs(one["started"] - other["started"]) < (0.5 if one.get("boot") else 1.0))


def alive(worker: Mapping[str, Any]) -> bool | None:
    """Whether the process of that name lives; None where that can't be seen from here."""
    scope, pid = _scope(), int(worker["pid"])
    older = "boot" not in worker
    there = {name: worker.get(name) for name in scope}
    if worker["host"] != _host() or not scope["boot"] or not (older or there == scope):
        return None
    started = _started(pid)
    if started is None:
        return None if _exists(pid) else False
    if not older:
        return bool(started == worker["started"])
    # its clock may have been set since; a process with its id is not known to be another
    with suppress(psutil.Error):
        if abs(psutil.Process(pid).create_time() - worker["started"]) < 1.0:
            return True
    return False if started == ZOMBIE else None


def pulse() -> str:
    """A sign of life: which clock, and what it says. It runs from the boot and is never set."""
    milliseconds = int(time.monotonic() * 1000)  # rounded down: it lies in the past
    return f"{_clock()} {milliseconds / 1000:.3f}"


def between(first: object, second: object) -> float | None:
    """Seconds from one pulse to another; None where two clocks felt them."""
    (clock, _, since), (other, _, at) = (str(given).rpartition(" ") for given in (first, second))
    with suppress(ValueError):
        return float(at) - float(since) if clock and clock == other else None
    return None


def pulse_age(given: object) -> float | None:
    """Seconds since a pulse; None where it was felt by the clock of another machine."""
    clock, _, at = str(given).rpartition(" ")
    with suppress(ValueError):
        if clock and clock == _clock() and (age := time.monotonic() - float(at)) >= 0:
            return age
    return None


def watch(thing: Hashable, sign: object) -> tuple[float, bool]:
    """Seconds since this process first saw a thing with this sign, by its own clock; and whether it
    saw it with another one before."""
    now = time.monotonic()
    last, since, changed = _seen.get(thing, (sign, now, False))
    if last != sign:
        since, changed = now, True
    _seen[thing] = sign, since, changed
    return now - since, changed


# ---- this machine --------------------------------------------------------------------------------


@cache
def _linux() -> bool:
    return Path("/proc/self/stat").exists()


@cache
def _host() -> str:
    return socket.gethostname()  # as it was; it may be given another name


@cache
def _scope() -> dict[str, str]:
    """Within what a process id counts; an empty boot where it is not known."""
    return {"boot": _boot(), "namespace": _link("pid")}


@cache
def _clock() -> str:
    return f"{_boot()} {_link('time')}".strip()


@cache
def _boot() -> str:
    """Of this boot of this machine; empty if not known."""
    with suppress(OSError, subprocess.SubprocessError):
        if platform.system() == "Darwin":
            command = ["sysctl", "-n", "kern.bootsessionuuid"]
            return subprocess.check_output(command, text=True, timeout=10).strip()
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _link(kind: str) -> str:
    with suppress(OSError):
        return os.readlink(f"/proc/self/ns/{kind}")
    return ""


def _started(pid: int | str) -> float | None:
    """When a process started: Linux counts ticks since the boot, others seconds since 1970, as the
    clock said then. None if it is not there to be seen."""
    if not _linux():
        with suppress(psutil.Error):
            process = psutil.Process(int(pid))
            zombie = process.status() == psutil.STATUS_ZOMBIE
            return ZOMBIE if zombie else process.create_time()
        return None
    # /proc may be that of another pid namespace
    if pid != "self" and os.readlink("/proc/self") != str(os.getpid()):
        return None
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat.rpartition(b")")[2].split()  # the name before may hold anything
    return ZOMBIE if fields[0] in (b"Z", b"X", b"x") else float(fields[19])


def _exists(pid: int) -> bool:
    """Whether a process is there, though another user's may be hidden."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True
