"""gpu.py on a CPU: every part runs, a fault costs one case, and what was found is kept."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import distributions, version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FIGURES = {  # of the first case of each part
    "graphs": {"ok", "graph_vs_eager", "double_vs_cpu"},
    "ways": {"lane_steps_per_s", "step_ms", "way", "lanes"},
    "throughput": {"over_dataloader", "over_resident", "vrtune"},
    "memory": {"ok", "lanes_after"},
    "search": {"occupancy", "outside_training", "wall_s", "best_loss", "test_accuracy"},
    "precision": {"train_loss", "validation_loss", "lane_steps_per_s"},
    "profile": {"step_ms", "host"},
    "convolution": {"looped", "grouped", "unfold"},
}


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def running() -> ModuleType:
    return import_module("gpu_parts.running")


@pytest.mark.slow
def test_every_part_runs(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "gpu.py"), "--device", "cpu", "--minutes", "9"]
    command += ["--output-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=BENCHMARKS.parent, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "gpu-cpu.json").read_text())
    assert record["command"] == "python benchmarks/gpu.py --device cpu --minutes 9"
    assert list(record["parts"]) == list(FIGURES)
    for name, kept in record["parts"].items():
        rows = kept["rows"]
        assert not any({"error", "skipped"} & row.keys() for row in rows.values()), rows
        assert FIGURES[name] <= next(iter(rows.values())).keys()
        assert kept["seconds"] > 0
        assert name in done.stdout
    assert record["parts"]["memory"]["rows"]["out of memory halves the slots"]["lanes_after"]


def test_what_a_case_raises_is_recorded_and_the_next_goes_on(running: ModuleType) -> None:
    def wrong() -> dict[str, Any]:
        raise ValueError("made up\nand more")

    def cases(bench: Any) -> Iterator[Any]:
        yield "wrong", wrong
        yield "right", lambda: {"figure": 1.0}
        raise KeyError("no more cases")

    bench, kept = running.Bench(torch.device("cpu")), []
    assert running.run_part(running.Part("part", 1, cases), bench, kept.append)
    assert bench.rows["wrong"]["error"] == "ValueError: made up"
    assert any("in wrong" in line for line in bench.rows["wrong"]["traceback"])
    assert bench.row("wrong") is None
    assert bench.rows["right"]["figure"] == 1.0
    assert bench.rows["after right"]["error"].startswith("KeyError")
    assert kept == ["wrong", "right"]
    assert import_module("gpu").failures({"part": {"rows": bench.rows}}) == [
        "part: wrong",
        "part: after right",
    ]


def test_time_that_runs_out_keeps_what_was_found(running: ModuleType) -> None:
    def long() -> dict[str, Any]:
        while True:
            try:
                time.sleep(0.01)
            except Exception:  # what ends it is no fault
                continue

    def cases(bench: Any) -> Iterator[Any]:
        yield "short", lambda: {"figure": 1.0}
        yield "long", long
        yield "late", lambda: {"figure": 2.0}
        yield "later", lambda: {"figure": 3.0}

    bench = running.Bench(torch.device("cpu"), until=time.time() + running.LEAST_S + 0.5)
    assert running.run_part(running.Part("part", 1, cases), bench, lambda name: None)
    assert bench.rows["short"]["figure"] == 1.0
    assert {name for name, row in bench.rows.items() if "skipped" in row} == {"long", "late"}


def test_a_row_of_the_process_before_is_left_alone(running: ModuleType) -> None:
    bench = running.Bench(torch.device("cpu"), rows={"first": {"error": "it ended"}})
    part = running.Part("part", 1, lambda bench: iter([("first", dict), ("second", dict)]))
    assert running.run_part(part, bench, lambda name: None)
    assert bench.rows["first"] == {"error": "it ended"}
    assert "seconds" in bench.rows["second"]


WORKER = """
import json, os, sys
from pathlib import Path
path = Path(sys.argv[1])
state = json.loads(path.read_text())
rows = state["parts"].setdefault("part", {"rows": {"first": {}}})
if "second" not in rows["rows"]:
    rows["begun"] = "second"
    path.write_text(json.dumps(state))
    os.kill(os.getpid(), 9)
rows["rows"]["third"] = {}
path.write_text(json.dumps(state))
"""


def test_a_process_that_dies_costs_one_case(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"until": time.time() + 60, "parts": {}}))
    parts = import_module("gpu").supervise([sys.executable, "-c", WORKER, str(state)], state)
    assert parts["part"]["rows"].keys() == {"first", "second", "third"}
    assert parts["part"]["rows"]["second"]["error"] == "the process ended with status -9"


def test_numbers_that_json_has_no_word_for() -> None:
    plain = import_module("gpu_parts.working").in_json({1: [float("inf"), 0.5], "a": float("nan")})
    assert plain == {"1": ["inf", 0.5], "a": "nan"}


def test_a_checkout_that_is_not_installed_has_a_version(tmp_path: Path) -> None:
    import_module("gpu_parts.setting_up")._name_version(tmp_path)
    (found,) = distributions(path=[str(tmp_path)])
    assert (found.name, found.version) == ("vrtune", version("vrtune"))


def test_mnist_can_be_made(tmp_path: Path) -> None:
    import_module("gpu_parts.made").write_mnist(tmp_path, 40, 20)
    from vrtune.data import load

    made = load("mnist", tmp_path)
    assert made.train.x.shape == (40, 1, 28, 28)
    assert made.train.y.tolist() == [n % 10 for n in range(40)]
    assert len(made.read_test().y) == 20


@pytest.mark.parametrize("off", [0.0, 1e-3, float("nan"), float("inf")])
def test_lanes_that_differ_are_apart(off: float) -> None:
    story = import_module("gpu_parts.story")
    one = {3: torch.tensor([[1.0, 2.0], [4.0, 8.0]]).double()}
    other = {3: one[3] + torch.tensor([[0.0, 0.0], [off, 0.0]]).double()}
    found = story.apart(other, one)
    assert found == pytest.approx(off / 8) if off < 1 else found == float("inf")
    assert story.apart({}, one) == float("inf")
