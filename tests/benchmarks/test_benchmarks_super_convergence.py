"""What benchmarks/super_convergence.py says of its rows, on rows made up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def row(schedule: str, epochs: int, mean: float, std: float = 0.01) -> dict[str, Any]:
    spread = {"mean": mean, "std": std, "values": [mean] * 4}
    return {"schedule": schedule, "epochs": epochs, "best_lr": 0.1, "test_accuracy": spread}


def test_differences_count_beyond_two_standard_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 0.01 / sqrt(2) each: 3 points are more, 1 point is not told apart."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "super_convergence", raising=False)
    from super_convergence import sentences

    rows = [row("constant", 6, 0.90), row("step", 6, 0.92), row("one_cycle", 6, 0.95)]
    rows += [row("constant", 24, 0.96), row("step", 24, 0.98), row("one_cycle", 24, 0.98)]
    said = sentences(rows, 6, 24)
    assert said[1] == (
        "one_cycle in 6 epochs is more accurate than step in 6: +3.00 points, standard error 0.71"
    )
    assert "one_cycle in 6 epochs is no other accurate" not in said[2]
    assert "as accurate as constant in 24: -1.00 points" in said[2]
    assert "less accurate than step in 24: -3.00 points" in said[3]
    assert said[-1].endswith("constant 0.1 and 0.1, step 0.1 and 0.1, one_cycle 0.1 and 0.1")
