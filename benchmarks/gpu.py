"""What only a GPU can show, in one run: whether graphs are right, speed, memory, a whole search.

    python benchmarks/gpu.py [--minutes 8] [--data-dir DIR] [--wheels DIR] [--parts graphs ways]
        [--device cuda] [--only saga dropout] [--output-dir docs/benchmarks]

graphs       replayed steps equal eager ones and a CPU's, for every method
ways         fused against looped gradients over the number of lanes
throughput   against a DataLoader and a resident loop
memory       the forecast against the peak; a search that runs out of memory
search       a search of 256 trials: where its time goes
precision    bfloat16 and TF32
profile      the largest costs of a step
convolution  ways to convolve many lanes

Each part has a share of the minutes and hands on what it leaves. A case that raises is recorded,
and the next goes on; after each, docs/benchmarks/gpu-DEVICE.json is written. The work is done in a
process of its own, and what ends it, or leaves the GPU unusable, costs one case: a fresh process
goes on with the next. The exit status is 1 if a check failed or a case raised. --wheels installs
packages from a folder first, into one of their own: a bare machine needs PyTorch alone. --device
cpu runs a small form of every part.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gpu_parts.setting_up import set_up
from gpu_parts.table import table

NAMES = ("graphs", "ways", "throughput", "memory", "search", "precision", "profile", "convolution")
RESTARTS = 20


def asked(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    summary, *_ = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--data-dir", type=Path, help="holds MNIST; made data if not given")
    parser.add_argument("--wheels", type=Path, help="a folder of packages to install first")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--parts", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--only", nargs="+", help="cases whose names hold one of these words")
    parser.add_argument("--output-dir", type=Path, default=Path("docs/benchmarks"))
    parser.add_argument("--state", type=Path, help=argparse.SUPPRESS)  # of the working process
    return parser.parse_args(arguments)


def main() -> None:
    arguments = asked()
    if arguments.state is not None:  # the process that works
        from gpu_parts.working import Run

        del sys.argv[-2:]  # the record says how the run was asked for
        Run(arguments).go()
        return
    until = time.time() + 60 * arguments.minutes
    set_up(arguments.wheels)
    with TemporaryDirectory() as folder:
        state = Path(folder) / "state.json"
        state.write_text(json.dumps({"until": until, "parts": {}}))
        parts = supervise([sys.executable, *sys.argv, "--state", str(state)], state)
    print(table(parts))
    if failed := failures(parts):
        sys.exit("\n".join(["failed:", *failed]))


def supervise(command: list[str], state: Path) -> dict[str, Any]:
    """Runs the working process, and a fresh one whenever it ends before its work is done; what it
    was at is recorded as its end. Returns what was found."""
    for _ in range(RESTARTS):
        status = subprocess.call(command)
        found: dict[str, Any] = json.loads(state.read_text())
        if status == 0 or time.time() > found["until"]:
            break
        print(f"the working process ended with status {status}", flush=True)
        for kept in found["parts"].values():
            if (begun := kept.pop("begun", None)) and begun not in kept["rows"]:
                kept["rows"][begun] = {"error": f"the process ended with status {status}"}
        state.write_text(json.dumps(found))
    return found["parts"]


def failures(parts: dict[str, Any]) -> list[str]:
    """The cases whose check failed, and those that raised."""
    return [
        f"{name}: {case}"
        for name, kept in parts.items()
        for case, row in kept["rows"].items()
        if row.get("ok") is False or "error" in row
    ]


if __name__ == "__main__":
    main()
