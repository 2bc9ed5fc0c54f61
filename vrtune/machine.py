"""What this process may use of the machine: cores and memory, within a container's limits.

The system's own calls heed a process's affinity, but not the limits of control groups, which
containers and batch systems set. Both versions of these are read, and the tightest limit counts: of
a group, and of all it lies in.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from vrtune.errors import VrtuneError

ROOT = Path("/")  # under which the system tells of itself
GB = 2**30


def cores(root: Path = ROOT) -> int:
    """Processor cores that this process may run on; one that is granted in part counts."""
    own = getattr(os, "sched_getaffinity", None)  # not on macOS
    there = len(own(0)) if own else os.cpu_count() or 1
    return max(1, min([there, *(math.ceil(share) for share in _shares(root))]))


def free_memory(root: Path = ROOT) -> int:
    """Bytes that this process may still take."""
    return max(0, min([psutil.virtual_memory().available, *_rest_of_groups(root), *_rest_of_own()]))


def check_memory(size: int, what: str) -> None:
    """VrtuneError unless `size` bytes are free for `what`."""
    if size > (free := free_memory()):
        raise VrtuneError(
            f"{what} needs {size / GB:.1f} GB of memory, and {free / GB:.1f} GB are free: use "
            "fewer or smaller samples, or a machine with more memory"
        )


def killed_for_memory(root: Path = ROOT) -> int | None:
    """How many processes the system has killed because memory ran out, in this process's group or
    else on the machine; None where it doesn't say."""
    names = ("memory.events", "memory.oom_control")
    files = [group / name for group in _groups(root, "memory") for name in names]
    counts = (_named(file, "oom_kill") for file in (*files, root / "proc/vmstat"))
    return next((count for count in counts if count is not None), None)


def _shares(root: Path) -> Iterator[float]:
    """Cores that each group grants."""
    for group in _groups(root, "cpu"):
        old = [_first(group / "cpu.cfs_quota_us"), _first(group / "cpu.cfs_period_us")]
        for granted, each, *_ in (old, [*_numbers(group / "cpu.max"), None, None]):
            if granted and each:
                yield granted / each


def _rest_of_groups(root: Path) -> Iterator[int]:
    """Bytes left in each group; the cache of files that nobody reads any more is given back."""
    for group in _groups(root, "memory"):
        for limit, used, idle in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.high", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            if (most := _first(group / limit)) is not None:
                cache = _named(group / "memory.stat", idle) or 0
                yield most - max(0, (_first(group / used) or 0) - cache)


def _rest_of_own() -> Iterator[int]:
    """Bytes left of this process's own limit of address space (ulimit -v)."""
    with suppress(ImportError):  # there is no such thing on Windows
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            yield limit - psutil.Process().memory_info().vms


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the groups that this process is in, each with all it lies in.

    In a container the path may be the host's: of what isn't there, the folders above it are.
    """
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        tree = root / "sys/fs/cgroup"
        if controllers:  # version 1: a tree for each controller
            if controller not in controllers.split(","):
                continue
            named = [tree / controllers, tree / controller]
            tree = next((folder for folder in named if folder.is_dir()), tree)
        parts = [part for part in path.split("/") if part]
        for depth in range(0 if ".." in parts else len(parts), -1, -1):
            yield tree.joinpath(*parts[:depth])


def _lines(file: Path) -> list[str]:
    with suppress(OSError, ValueError):
        return file.read_text().splitlines()
    return []


def _named(file: Path, name: str) -> int | None:
    """The number behind a name in a file of such lines."""
    known = (line.removeprefix(f"{name} ") for line in _lines(file))
    return next((int(count) for count in known if count.isdigit()), None)


def _first(file: Path) -> int | None:
    return next(iter(_numbers(file)), None)


def _numbers(file: Path) -> list[int | None]:
    """Those of its first line; None for `max` and for -1, which say that there is no limit."""
    words = next(iter(_lines(file)), "").split()
    return [int(word) if word.isascii() and word.isdigit() else None for word in words]
