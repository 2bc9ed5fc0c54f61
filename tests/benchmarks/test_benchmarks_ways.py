"""The benchmark behind the rule: a row a task, and what the rule chooses for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "ways.py"


def test_a_row_a_task(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--models", "softmax", "--repeats", "1"]
    done = subprocess.run(
        [*command, "--output-dir", str(tmp_path)], capture_output=True, text=True, check=True
    )
    rows = json.loads((tmp_path / "ways-cpu.json").read_text())["rows"]
    assert [row["chosen"] for row in rows] == ["fused", "fused", *["looped"] * 3]
    assert rows[0]["products"] == 256 * 10 * 32
    for row in rows:
        assert row["ratio"] == row["looped_ms"] / row["fused_ms"] > 0
    assert done.stdout.count("| softmax |") == 5
