"""Who is alive: by boot, pid namespace, process id and start, and by clocks that are never set."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from vrtune.studies import alive as module
from vrtune.studies.alive import alive, identity, is_identity, pulse, pulse_age, same, watch


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_this_process_and_a_child_are_alive(child: subprocess.Popen[bytes]) -> None:
    assert alive(identity()) is True
    assert alive(identity(child.pid)) is True
    assert not same(identity(), identity(child.pid))


def test_a_process_is_dead_before_its_parent_has_heard_of_it(
    child: subprocess.Popen[bytes],
) -> None:
    name = identity(child.pid)
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert alive(name) is False
    child.wait()
    assert alive(name) is False


def test_a_pid_that_another_process_was_given_since() -> None:
    assert alive({**identity(), "started": identity()["started"] - 1}) is False


def test_a_name_stays_the_same_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """psutil reckons the start of a process from when the machine began by its clock."""
    linux = pytest.importorskip("psutil._pslinux")
    before, older = identity(), psutil.boot_time()
    monkeypatch.setattr(linux, "boot_time", lambda: older + 2)
    assert same(identity(), before)
    assert alive(before) is True


@pytest.mark.parametrize("place", ["host", "boot", "namespace"])
def test_elsewhere_a_process_cannot_be_seen(place: str) -> None:
    there = {**identity(), place: "another"}
    assert alive(there) is None
    assert not same(there, identity())


def test_where_the_boot_is_unknown_a_pid_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_scope", lambda: {"boot": "", "namespace": ""})
    assert alive(identity()) is None


def test_another_pid_namespace_is_another_place() -> None:
    """A container's processes have numbers of their own, which others have outside."""
    ask = (
        "import json, sys\nfrom vrtune.studies.alive import alive, identity\n"
        "print(json.dumps([identity(), alive(json.loads(sys.argv[1]))]))"
    )
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", ask]
    try:
        done = subprocess.run([*command, json.dumps(identity())], capture_output=True, timeout=60)
    except OSError:
        pytest.skip("there is no unshare")
    if done.returncode:
        pytest.skip("pid namespaces can't be made here")
    there, seen = json.loads(done.stdout)
    assert there["boot"] == identity()["boot"]
    assert there["namespace"] != identity()["namespace"]
    assert (seen, alive(there)) == (None, None)


def test_names_that_older_versions_gave(child: subprocess.Popen[bytes]) -> None:
    """They know no boot, and the start by a clock that may have been set since."""
    began = psutil.Process(child.pid).create_time()
    name = {"host": socket.gethostname(), "pid": child.pid, "started": began}
    assert alive(name) is True
    assert alive({**name, "host": "another"}) is None
    assert alive({**name, "started": began - 3600}) is None
    assert same(name, {**name, "started": began + 0.5})
    assert not same(name, {**name, "started": began + 2})
    assert not same(name, identity(child.pid))
    child.kill()
    child.wait()
    assert alive(name) is False


@pytest.mark.parametrize(
    "given",
    [
        None,
        "x",
        [],
        {},
        {"host": "h", "pid": 1},
        {"host": 1, "pid": 1, "started": 1.0},
        {"host": "h", "pid": "1", "started": 1.0},
        {"host": "h", "pid": -1, "started": 1.0},
        {"host": "h", "pid": True, "started": 1.0},
        {"host": "h", "pid": 1, "started": None},
    ],
)
def test_what_is_no_name(given: Any) -> None:
    assert not is_identity(given)


def test_a_name_that_nobody_has() -> None:
    nobody = {**identity(), "pid": 2**40}
    assert is_identity(nobody)
    assert alive(nobody) in (None, False)


def test_a_pulse_is_felt_by_the_clock_that_gave_it(monkeypatch: pytest.MonkeyPatch) -> None:
    felt, now = pulse(), module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + 50)
    assert 50 <= pulse_age(felt) < 51  # a pulse tells whole seconds
    monkeypatch.setattr(module.time, "monotonic", lambda: now - 50)
    assert pulse_age(felt) is None, "after it was started again"
    for other in (f"another {now}", "nonsense", "", None, 3.0):
        assert pulse_age(other) is None


def test_watching_takes_this_processs_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 5.0, 6.0, 9.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    found = [watch("watched in a test", sign) for sign in "aabb"]
    assert found == [(0.0, False), (5.0, False), (0.0, True), (3.0, True)]


def test_processes_of_others_may_be_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_started", lambda pid: None)
    assert alive(identity()) is None
    monkeypatch.setattr(os, "kill", lambda *_: (_ for _ in ()).throw(ProcessLookupError()))
    assert alive(identity()) is False
