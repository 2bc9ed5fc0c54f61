"""The process that works: runs what is left of the parts, and writes what it finds at once."""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import math
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from record import device_name, write

from gpu_parts.running import Bench, Part, run_part, told
from vrtune.lanes.device import choose_device, one_thread

MODULES = {  # of the parts; the others' are called as they are
    "search": "searching", "profile": "profiling", "convolution": "convolutions",
}  # fmt: skip
BROKEN = 75  # the exit status of a process whose device is no longer to be used


class Run:
    """The record so far, and what is still to do. Both lie in a file too, for the next process."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.device = choose_device(arguments.device)
        self.names, self.data_dir = list(arguments.parts), arguments.data_dir
        self.only = tuple(arguments.only or ())
        self.minutes, self.state = arguments.minutes, Path(arguments.state)
        self.stem = arguments.output_dir / f"gpu-{short(self.device)}"
        before = json.loads(self.state.read_text())
        self.until: float = before["until"]
        self.parts: dict[str, dict[str, Any]] = before["parts"]

    def go(self) -> None:
        """Runs what is left, in order. SystemExit if another process must go on."""
        with one_thread(self.device):
            for name in self.names:
                kept = self.parts.setdefault(name, {"rows": {}})
                if "seconds" not in kept:
                    self._run(name, kept)
        print(f"written: {self.stem.name}.json", flush=True)

    def _run(self, name: str, kept: dict[str, Any]) -> None:
        began = time.time()
        left = self.until - began
        print(f"{name}: {max(0.0, left):.0f} s are left", flush=True)

        def keep(begun: str) -> None:
            kept["begun"] = begun
            self.write()

        try:
            part = load(name)
            later = self.names[self.names.index(name) + 1 :]
            share = part.weight / sum([part.weight, *map(weight, later)])
            gc.collect()
            gc.freeze()  # what is imported is not looked through at every capture
            bench = Bench(self.device, self.data_dir, began + share * left, kept["rows"], self.only)
            sound = run_part(part, bench, keep)
        except Exception as error:  # its file can't be imported
            kept["rows"]["import"], sound = told(error), True
        self.write()
        if not sound:
            print("the device is broken", flush=True)
            raise SystemExit(BROKEN)
        kept.pop("begun", None)
        kept["seconds"] = round(time.time() - began, 1)
        self.write()

    def write(self) -> None:
        """The record as it stands, here and in the state."""
        parts = in_json(self.parts)
        self.state.write_text(json.dumps({"until": self.until, "parts": parts}))
        with contextlib.redirect_stdout(io.StringIO()):
            write(self.stem, self.device, 1, {"minutes": self.minutes, "parts": parts})


def load(name: str) -> Part:
    """A part by name. Its file is imported when its turn comes: what it needs may be missing."""
    found: Part = import_module(f"gpu_parts.{MODULES.get(name, name)}").PART
    return found


def weight(name: str) -> float:
    """Of a part; 0 of one that can't be imported."""
    try:
        return load(name).weight
    except Exception:
        return 0.0


def short(device: torch.device) -> str:
    """What a device is called in a file's name: h100 for NVIDIA H100 80GB HBM3."""
    makers = ("nvidia", "tesla", "geforce")
    words = [word for word in device_name(device).lower().split() if word not in makers]
    return words[0] if device.type == "cuda" and words else device.type


def in_json(value: Any) -> Any:
    """The same with words for numbers that JSON has none for."""
    if isinstance(value, dict):
        return {str(k): in_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [in_json(v) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
