"""Which oracle a module gets: what only a CPU needs is not even imported for another device."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import torch
from vrtune.gradients.choice import make_oracle
from vrtune.models import build

def cpu_only():
    return {name for name in sys.modules if name.startswith("vrtune.gradients.cpu")
            or name.partition(".")[0] in ("numba", "llvmlite")}

def made(fused):
    module = build("lenet", (1, 16, 16), 10, "none")
    return type(make_oracle(module, fused=fused, precision="float32", threads=1)).__name__

with torch.device("meta"):
    assert [made(True), made(False)] == ["Fused", "Looped"]
assert not cpu_only(), cpu_only()
assert [made(True), made(False)] == ["SideBySide", "Looped"]
assert {"numba", "vrtune.gradients.cpu.samples_last"} <= cpu_only()
"""


def test_what_only_a_cpu_needs_is_imported_on_a_cpu_alone() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
