"""What the benchmarks share: how one is asked for, and what it writes beside its numbers."""

from __future__ import annotations

import argparse
import json
import platform
import re
import shlex
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from vrtune.lanes.device import cores


def asking(doc: str, folder: str = "docs/benchmarks") -> argparse.ArgumentParser:
    """A parser that says the first line of `doc`, and in which folder the record goes."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--output-dir", type=Path, default=Path(folder))
    return parser


def device_name(device: torch.device) -> str:
    """The model of the GPU, or that of the CPU and its cores."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    said = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", said.read_text() if said.exists() else "")
    model = found[1] if found else platform.processor() or platform.machine()
    return f"{model}, {cores(torch.device('cpu'))} cores"


def shortened(word: str) -> str:
    """A word of a command line without what only this machine knows: of a path from the root or
    from a parent folder the last name, of an address the scheme."""
    option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    path = Path(value)
    if "://" in value:
        value = value.partition("://")[0] + "://..."
    elif path.is_absolute() or ".." in path.parts:
        value = path.resolve().name
    return f"{option}{equals}{value}"


def command() -> str:
    """How this script was run, from the repository's root; where its record went says nothing."""
    given, words = iter(sys.argv[1:]), ["python", f"benchmarks/{Path(sys.argv[0]).name}"]
    for word in given:
        if word == "--output-dir":
            next(given)
        elif not word.startswith("--output-dir="):
            words.append(shortened(word))
    return shlex.join(words)


def write(stem: Path, device: torch.device, n: int, found: dict[str, Any]) -> None:
    """STEM.json: `found` after how it came about, with `n` repeats or seeds."""
    record = {
        "command": command(),
        "device": device_name(device),
        "cores": cores(torch.device("cpu")),
        "torch": torch.__version__,
        "vrtune": version("vrtune"),
        "python": platform.python_version(),
        "n": n,
        **found,
    }
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
    print(f"n = {n}; {record['device']}, torch {torch.__version__}: {stem.name}.json", flush=True)
