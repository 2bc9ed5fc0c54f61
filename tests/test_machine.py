"""Cores and memory of a container, from trees of files laid out as the kernel does."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from vrtune import machine
from vrtune.errors import VrtuneError

FREE, CORES = 10_000_000, 8


@pytest.fixture(autouse=True)
def large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight cores, and ten million bytes that are free."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=FREE))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(CORES)), raising=False)


def system(root: Path, groups: str, files: dict[str, object]) -> Path:
    """A root with /proc/self/cgroup, and files below /sys/fs/cgroup."""
    for name, content in {
        "proc/self/cgroup": groups,
        **{f"sys/fs/cgroup/{name}": content for name, content in files.items()},
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return root


@pytest.mark.parametrize(
    ("groups", "files", "wanted"),
    [
        ("0::/a", {"a/memory.events": "oom 3\noom_kill 2\noom_group_kill 0"}, 2),
        ("4:memory:/a", {"memory/a/memory.oom_control": "oom_kill_disable 0\noom_kill 5"}, 5),
        ("0::/", {"../../../proc/vmstat": "pgfault 9\noom_kill 7"}, 7),  # of the whole machine
        ("0::/", {}, None),
    ],
)
def test_processes_that_were_killed_as_memory_ran_out(
    groups: str, files: dict[str, object], wanted: int | None, tmp_path: Path
) -> None:
    assert machine.killed_for_memory(system(tmp_path, groups, files)) == wanted


@pytest.mark.parametrize(
    ("groups", "files", "wanted"),
    [
        ("0::/", {"cpu.max": "max 100000"}, 8),
        ("0::/", {"cpu.max": "200000 100000"}, 2),
        ("0::/", {"cpu.max": "150000 100000"}, 2),
        ("0::/", {"cpu.max": "10000 100000"}, 1),
        ("0::/", {"cpu.max": "900000 100000"}, 8),
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/a/b", {"a/b/cpu.max": "100000 50000", "a/cpu.max": "300000 100000"}, 2),
        ("0::/docker/of/the/host", {"cpu.max": "300000 100000"}, 3),
        ("0::/../elsewhere", {"cpu.max": "300000 100000"}, 3),
        ("0::/", {"cpu.max": "rubbish"}, 8),
        ("0::/", {}, 8),
        ("", {}, 8),
        ("nonsense\n\n0::/", {"cpu.max": "300000 100000"}, 3),
        ("4:cpu:/a", {"cpu/a/cpu.cfs_quota_us": -1, "cpu/a/cpu.cfs_period_us": 100000}, 8),
        ("4:cpu:/a", {"cpu/a/cpu.cfs_quota_us": 250000, "cpu/a/cpu.cfs_period_us": 100000}, 3),
        (
            "4:cpu,cpuacct:/a\n0::/",
            {"cpu,cpuacct/cpu.cfs_quota_us": 50000, "cpu,cpuacct/cpu.cfs_period_us": 100000},
            1,
        ),
        ("3:cpuacct:/a", {"cpuacct/a/cpu.cfs_quota_us": 1, "cpuacct/a/cpu.cfs_period_us": 1}, 8),
    ],
)
def test_cores(groups: str, files: dict[str, object], wanted: int, tmp_path: Path) -> None:
    assert machine.cores(system(tmp_path, groups, files)) == wanted


@pytest.mark.parametrize(
    ("groups", "files", "wanted"),
    [
        ("0::/", {"memory.max": "max", "memory.current": 1000}, FREE),
        ("0::/", {"memory.max": 5000, "memory.current": 1000}, 4000),
        ("0::/", {"memory.max": 5000, "memory.current": 6000}, 0),
        (
            "0::/",
            {
                "memory.max": 5000,
                "memory.current": 3000,
                "memory.stat": "anon 7\nfile 9\ninactive_file 2500\nactive_file 100",
            },
            4500,
        ),
        ("0::/", {"memory.max": 5000, "memory.high": 4000, "memory.current": 1000}, 3000),
        (
            "0::/a/b/c",
            {
                "a/b/memory.max": 9000,
                "a/b/memory.current": 1000,
                "a/memory.max": 6000,
                "a/memory.current": 4000,
            },
            2000,
        ),
        ("4:memory:/a", {"memory/a/memory.limit_in_bytes": 2**63 - 4096}, FREE),
        (
            "4:memory:/a",
            {
                "memory/a/memory.limit_in_bytes": 5000,
                "memory/a/memory.usage_in_bytes": 3000,
                "memory/a/memory.stat": "inactive_file 1\ntotal_inactive_file 500",
            },
            2500,
        ),
        (
            "4:memory:/docker/of/the/host",
            {"memory/memory.limit_in_bytes": 5000, "memory/memory.usage_in_bytes": 3000},
            2000,
        ),
        ("4:memory:/a", {}, FREE),
    ],
)
def test_memory(groups: str, files: dict[str, object], wanted: int, tmp_path: Path) -> None:
    assert machine.free_memory(system(tmp_path, groups, files)) == wanted


def test_memory_within_a_limit_of_address_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    used = psutil.Process().memory_info().vms
    monkeypatch.setattr(resource, "getrlimit", lambda which: (used + 3_000_000, -1))
    assert machine.free_memory(tmp_path) < 3_000_001
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, -1))
    assert machine.free_memory(tmp_path) == FREE


def test_what_does_not_fit_is_told_with_both_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_memory", lambda: 2 * machine.GB)
    machine.check_memory(2 * machine.GB, "the table")
    with pytest.raises(VrtuneError, match=r"the table needs 3\.0 GB of memory, and 2\.0 GB are"):
        machine.check_memory(3 * machine.GB, "the table")
