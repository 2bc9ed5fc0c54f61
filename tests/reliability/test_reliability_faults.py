"""What the fault harness does to commands and files."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import psutil
import pytest

Part = Callable[[str], ModuleType]


def commands(part: Part, folder: Path, *programs: str) -> object:
    return part("running").Commands(folder, [[sys.executable, "-c", text] for text in programs])


def wait_for_end(run: object) -> None:
    while run.look():  # type: ignore[attr-defined]
        time.sleep(0.01)


def test_a_command_that_ends_too_early_is_started_again(part: Part, tmp_path: Path) -> None:
    run = commands(part, tmp_path, "print('so'); raise SystemExit(3)")
    for _ in range(2):
        run.start()
        wait_for_end(run)
    assert (run.starts, run.ended, run.gave_up) == (2, {0: 3}, ["so", "so"])


def test_what_is_done_is_left_to_others(part: Part, tmp_path: Path) -> None:
    run = commands(part, tmp_path, "pass", "import time; time.sleep(60)")
    run.start()
    while 0 not in run.ended:
        run.look()
    run.start()
    assert run.starts == 2
    run.end()
    run.start(1)
    assert run.starts == 3
    run.end()


def test_what_a_fault_has_ended_did_not_give_up(part: Part, tmp_path: Path) -> None:
    run = commands(part, tmp_path, "import time; time.sleep(60)")
    run.start()
    killed = run.firsts()
    run.signal(killed, signal.SIGKILL)
    assert run.gone(killed, 10.0)
    wait_for_end(run)
    assert (run.ended, run.gave_up) == ({0: -9}, [])


CHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time; time.sleep(60)", "vrtune worker 1"])
"""


def test_the_processes_of_a_search_are_found_and_ended(part: Part, tmp_path: Path) -> None:
    run = commands(part, tmp_path, CHILD)
    run.start()
    while not (workers := run.workers()):
        time.sleep(0.01)
    first, others = run.one(random.Random(0))
    assert (others, first) == (workers, run.firsts())
    run.end()
    assert not any(map(psutil.pid_exists, [p.pid for p in first + others]))


@pytest.mark.parametrize("kind", ["truncated", "a byte", "empty", "another's", "text", "gone"])
def test_a_file_is_spoiled(part: Part, tmp_path: Path, kind: str) -> None:
    path, data = tmp_path / "trial-0.safetensors", bytes(range(100))
    path.write_bytes(data)
    part("faults").spoil(path, kind, b"other", random.Random(0))
    assert path.exists() == (kind != "gone")
    assert kind == "gone" or path.read_bytes() != data


def test_faults_are_caused_where_they_can_be(part: Part) -> None:
    faults, kinds = part("faults").FAULTS, part("places").KINDS
    assert all({*fault.storages} <= {*kinds} for fault in faults.values())
    assert all(name == fault.name for name, fault in faults.items())
